"""What users and their groups may be called, and what may be said of them."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from governance.errors import UnusableName, UnusableValue
from governance.tables.people import MAIL_ADDRESS
from governance.vocabulary import SYSTEM

USER_NAME_LENGTH: Final = 120
GROUP_NAME_LENGTH: Final = 80

_NAME: Final = re.compile(r"\w[\w.@-]*")


def usable_name(kind: str, name: str, longest: int = USER_NAME_LENGTH) -> str:
    """A name, if somebody can be called that.

    Args:
        kind: ``user`` or ``group``; for the sentence.
        name: Letters, digits and ``_ . - @``, beginning with a letter, a digit or ``_``.
        longest: In characters.

    Raises:
        UnusableName: with the remedy.

    Example:
        >>> usable_name("user", "ada.l@example.org")
        'ada.l@example.org'
    """
    remedy = f"use 1 to {longest} letters, digits and _ . - @, beginning with a letter or a digit"
    if not _NAME.fullmatch(name) or len(name) > longest:
        raise UnusableName(kind, printable(name), "it is too long or has characters that a name can't have", remedy)
    if unicodedata.normalize("NFKC", name) != name:
        raise UnusableName(kind, name, "some of its letters only look like others", remedy)
    if name.casefold() == SYSTEM.name:
        raise UnusableName(kind, name, "that is the name of the system itself", "choose another")
    return name


def usable_line(field: str, text: str, longest: int) -> str:
    """Text of one line that can be shown and sent, without space around it.

    Raises:
        UnusableValue: it is too long, or has characters that can't be printed.
    """
    text = text.strip()
    if len(text) > longest or printable(text, longest) != text:
        raise UnusableValue(field, f"it is no line of at most {longest} printable characters", "shorten or correct it")
    return text


def usable_address(email: str) -> str:
    """An address for e-mail, or nothing.

    Raises:
        UnusableValue: it can't be one.
    """
    email = usable_line("e-mail", email, 254)
    if email and not MAIL_ADDRESS.fullmatch(email):
        raise UnusableValue("e-mail", f"{email!r} is no address", "write name@host, or nothing")
    return email


def printable(text: str, longest: int = USER_NAME_LENGTH) -> str:
    r"""What somebody typed, as a database and a terminal can have it.

    Example:
        >>> printable("a\x00b\ud800")
        'a?b?'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text[:longest])
