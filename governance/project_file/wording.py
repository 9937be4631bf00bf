"""What pydantic found, in words that name field, line and remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError

from governance.errors import ProjectFileError, TemplateError
from governance.project_file.lines import Lines, Location, dotted, line_of
from governance.project_file.project import Project
from governance.project_file.section import Misuse, Section

Problem = TypeVar("Problem", ProjectFileError, TemplateError)


def explain(
    file: str | Path,
    lines: Lines,
    invalid: ValidationError,
    root: type[Section],
    refusing: type[Problem],
) -> Iterator[Problem]:
    """One error for every field that is wrong.

    Args:
        file: Where the document is from.
        lines: Of its fields.
        invalid: What pydantic found.
        root: What the whole document is.
        refusing: What is given.
    """
    found: dict[Location, tuple[str, str]] = {}
    misspelt: set[Location] = set()
    where: Location
    for error in invalid.errors(include_url=False):
        where = _in_the_file(error["loc"], lines, missing=error["type"] == "missing")
        found.setdefault(where, _in_words(error["type"], error["msg"], where, error.get("ctx", {}), root))
        if error["type"] == "extra_forbidden":
            misspelt |= {(*where[:-1], meant) for meant in _meant(where, root)}
    for where, (problem, remedy) in found.items():
        # Of the kinds of value that a field may have, the one that matched furthest says what is wrong;
        # a field that is missing because it is misspelt is one problem, not two.
        furthest = not where or not any(len(other) > len(where) and other[: len(where)] == where for other in found)
        if furthest and where not in misspelt:
            yield refusing(file, line_of(where, lines), dotted(where), problem, remedy)


def _meant(where: Location, root: type[Section]) -> list[str]:
    """The field that an unknown one resembles."""
    return get_close_matches(str(where[-1]), sorted(fields_at(where[:-1], root)), n=1)


def _in_the_file(where: Location, lines: Lines, *, missing: bool) -> Location:
    """The location without what pydantic adds to it: tags, kinds of value, ``[key]``."""
    real: Location = ()
    for position, part in enumerate(where):
        absent = missing and position == len(where) - 1
        for written in (part, str(part)):
            if absent or (*real, written) in lines:
                real = (*real, written)
                break
    return real


def _in_words(
    kind: str, message: str, where: Location, context: Mapping[str, Any], root: type[Section]
) -> tuple[str, str]:
    match kind:
        case "missing":
            return "it is missing", "add it"
        case "extra_forbidden":
            meant, known = _meant(where, root), sorted(fields_at(where[:-1], root))
            return "there is no such field", f"write {meant[0]!r}" if meant else f"use one of {', '.join(known)}"
        case "enum" | "literal_error":
            return "the value is none of those there are", f"use one of {context.get('expected')}"
        case "union_tag_invalid" | "union_tag_not_found":
            what, field, known = _kinds_at(where, root)
            return f"the {what} has no {field} that there is", f"give it a {field}: one of {', '.join(known)}"
        case "value_error":
            misuse: Misuse = context["error"]  # our validators raise nothing else
            return misuse.problem, misuse.remedy
        case "string_pattern_mismatch":
            return "it is not a name", "use lower-case letters, digits, - and _, beginning with a letter"
        case "string_type":
            return "it is not text", "put it in quotes"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "it has no fields", "write some, each as name: value"
        case "list_type":
            return "it is no list", "write it as [one, other]"
    return message[:1].lower() + message[1:], "correct it"


def _kinds_at(where: Location, root: type[Section]) -> tuple[str, str, list[str]]:
    """What stands at ``where``, of which there are several kinds: in a word, the field that says which, and its values."""
    parts = [str(part) for part in where if isinstance(part, str)]
    what = parts[-1].removesuffix("s") if parts else "file"
    for field in ("kind", "type"):
        known = [value for section in _sections_at(where, root) for value in _literals(section, field)]
        if known:
            return what, field, known
    raise AssertionError(f"{what} is of several kinds, and no field of it says which")


def _literals(section: type[Section], field: str) -> tuple[str, ...]:
    declared = section.model_fields.get(field)
    return tuple(map(str, get_args(declared.annotation))) if declared is not None else ()


def fields_at(where: Location, root: type[Section] = Project) -> set[str]:
    """The fields that the part of the file at ``where`` may have.

    Example:
        >>> sorted(fields_at(("models", "authorization", "split")))
        ['method', 'seed', 'test_share']
    """
    return {name for section in _sections_at(where, root) for name in section.model_fields}


def _sections_at(where: Location, root: type[Section]) -> list[type[Section]]:
    kinds: list[Any] = [root]
    for part in where:
        kinds = [inner for kind in kinds for inner in _inside(kind, part)]
    return [section for kind in kinds for section in _sections(kind)]


def _inside(kind: Any, part: str | int) -> Iterator[Any]:
    """What a value of this kind may have at a field, a key or a position."""
    for section in _sections(kind):
        if part in section.model_fields:
            yield section.model_fields[str(part)].annotation
    for plain in _alternatives(kind):
        if get_origin(plain) in (list, dict):
            yield get_args(plain)[-1]


def _sections(kind: Any) -> Iterator[type[Section]]:
    return (plain for plain in _alternatives(kind) if isinstance(plain, type) and issubclass(plain, Section))


def _alternatives(kind: Any) -> Iterator[Any]:
    if get_origin(kind) is Annotated:
        yield from _alternatives(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for alternative in get_args(kind):
            yield from _alternatives(alternative)
    else:
        yield kind
