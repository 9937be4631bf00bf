"""Functions of the project's own: code in a file beside project.yaml, named there as ``file.py:function``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final

from governance.errors import UnreadableFile

LONGEST_REASON: Final = 300
"""Characters of what an exception says that are told."""


def load_function(where: str, folder: Path, setting: str) -> Callable[..., Any]:
    """The function that ``file.py:function`` names.

    Args:
        where: The file, relative to the project's folder and inside it, a colon, and the name of a function.
        folder: Of ``project.yaml``.
        setting: Where ``project.yaml`` names it; for the errors.

    Raises:
        UnreadableFile: there is no such file inside the folder, it fails, or it has no such function.
    """
    path, name = place_of(where, folder, setting)
    module_name = f"driftgate_function_{path.stem}"
    spec = spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise UnreadableFile(where, "it is no Python module", "name a file of Python code")
    module = module_from_spec(spec)
    # Dataclasses look their module up while they are made.
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UnreadableFile(where, f"importing it fails with {in_words(error)}", "mend the file") from error
    finally:
        sys.modules.pop(module_name, None)
    function = vars(module).get(name)
    if not callable(function):
        raise UnreadableFile(where, f"it has no function {name!r}", f"define it, or mend {setting}")
    return function  # type: ignore[no-any-return]


def place_of(where: str, folder: Path, setting: str) -> tuple[Path, str]:
    """The file and the name of a function. Arguments and errors: :func:`load_function`."""
    if not where.isprintable():
        raise UnreadableFile(ascii(where), "it has characters that can't be shown", f"mend {setting}")
    file, _, name = where.rpartition(":")
    if not file.endswith(".py") or not name.isidentifier():
        raise UnreadableFile(where, "it is not of the form file.py:function", "name a file and a function in it")
    path = (folder / file).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise UnreadableFile(where, "the file is outside the project's folder", "put it beside project.yaml")
    if not path.is_file():
        raise UnreadableFile(where, f"there is no file {path}", f"create it, or mend {setting}")
    return path, name


def in_words(error: BaseException) -> str:
    r"""What code of others raised, as one line that can be kept and shown.

    >>> in_words(ValueError("no\nrows"))
    'ValueError: no rows'
    """
    try:
        text = " ".join(str(error).split())[:LONGEST_REASON]
    except (Exception, SystemExit):
        text = "it can't say what"
    # Neither databases nor terminals take everything that a text may hold.
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
