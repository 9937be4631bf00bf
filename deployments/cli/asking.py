"""Asking for a password at a terminal, or taking it from where a program puts it. Never from the command line."""

from __future__ import annotations

import sys
from getpass import getpass
from typing import Annotated

import typer

from governance.errors import UnusableValue

FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Take the password from standard input.")]
Generate = Annotated[bool, typer.Option("--generate", help="Make a random password, and print it this one time.")]


def ask(*, from_stdin: bool, prompt: str = "Password") -> str:
    """A password that exists. Raises: UnusableValue: there is nobody to ask, or nothing comes."""
    if from_stdin:
        line = sys.stdin.readline()
        if not line:
            raise UnusableValue("password", "standard input ended before it", "write one line for each that is asked")
        return line.rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UnusableValue("password", "there is no terminal to ask at", "add --password-stdin")
    return getpass(f"{prompt}: ", stream=sys.stderr)


def ask_for_new(*, from_stdin: bool, generate: bool) -> tuple[str, bool]:
    """A new password, and whether it was made up and has to be printed. At a terminal it is asked for twice."""
    from governance import people

    if generate:
        return people.new_password(), True
    first = ask(from_stdin=from_stdin, prompt="New password")
    if not from_stdin and ask(from_stdin=False, prompt="The same again") != first:
        raise UnusableValue("password", "the second is not the first", "type it again")
    return first, False
