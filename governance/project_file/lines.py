"""Read YAML so that every field knows the line on which it begins."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import yaml

from governance.errors import ProjectFileError, TemplateError

Location = tuple[str | int, ...]
Lines = dict[Location, int]
Refusing = type[ProjectFileError] | type[TemplateError]

_MOST_FIELDS: Final = 100_000
"""A file of people has fewer; one whose aliases of aliases unfold to more would keep us busy for days."""


def read_with_lines(file: Path) -> tuple[object, Lines]:
    """The document, and the line on which every field of it begins.

    Raises:
        ProjectFileError: the file can't be opened, is empty, not UTF-8, not YAML, or gives a field twice.
    """
    return read_content_with_lines(read_file(file), file)


def read_file(file: Path) -> bytes:
    """What is in a file. Raises: ProjectFileError, it can't be opened."""
    try:
        return file.read_bytes()
    except OSError as error:
        problem = f"it can't be opened ({error.strerror})"
        raise ProjectFileError(file, None, "", problem, "make it readable") from error


def read_content_with_lines(content: bytes, file: str | Path) -> tuple[object, Lines]:
    """The same of what is in a file, or would be.

    Raises:
        ProjectFileError: it is empty, not UTF-8, not YAML, or gives a field twice.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problem = f"byte {error.start} is not UTF-8"
        raise ProjectFileError(file, line, "", problem, "save it as UTF-8") from error
    return parse_with_lines(text, file, begin="begin with project: NAME, or run 'driftgate init'")


def parse_with_lines(
    text: str, file: str | Path, *, begin: str, refusing: Refusing = ProjectFileError
) -> tuple[object, Lines]:
    """The document in a text, and the line on which every field of it begins.

    Args:
        text: YAML.
        file: Where it is from, for what is said of it.
        begin: What to do when there is nothing in it, or no fields.
        refusing: What is raised.

    Raises:
        ProjectFileError, TemplateError: it is empty, not YAML, or gives a field twice.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None:
            raise refusing(file, 1, "", "it is empty", begin)
        if not isinstance(root, yaml.MappingNode):
            raise refusing(file, 1, "", "it is not a list of fields", begin)
        lines: Lines = {}
        _note_lines(file, root, (), lines, (), refusing)
        return yaml.SafeLoader("").construct_document(root), lines
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise refusing(
            file, mark.line + 1 if mark else None, "", f"it is not YAML: {problem}", "mend the line"
        ) from error
    except RecursionError as error:
        raise refusing(file, None, "", "it is nested too deeply", "keep to the documented fields") from error
    except ValueError as error:  # a date such as 2025-13-45, which YAML takes for one
        raise refusing(file, None, "", f"a value can't be read: {error}", "put it in quotes") from error


def _note_lines(
    file: str | Path, node: yaml.Node, where: Location, lines: Lines, above: tuple[yaml.Node, ...], refusing: Refusing
) -> None:
    line = node.start_mark.line + 1
    if any(node is one for one in above):
        raise refusing(file, line, dotted(where), "it contains itself", "write the value instead of the alias")
    if len(lines) > _MOST_FIELDS:
        raise refusing(file, line, dotted(where), "it has too many fields", "write values instead of aliases")
    lines.setdefault(where, line)
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            _note_lines(file, item, (*where, position), lines, (*above, node), refusing)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):  # its text would have all that its aliases unfold to
                problem = "the name of a field in it is a list or a mapping"
                raise refusing(file, line, dotted(where), problem, "write a plain name before the colon")
            place = (*where, str(key.value))
            if place in lines:
                problem = f"it is given twice, first on line {lines[place]}"
                raise refusing(file, line, dotted(place), problem, "remove one of them")
            lines[place] = line
            _note_lines(file, value, place, lines, (*above, node), refusing)


def line_of(where: Location, lines: Lines) -> int | None:
    """The line of a field or, when it is absent, of the part that should have it."""
    return next((lines[where[:n]] for n in range(len(where), -1, -1) if where[:n] in lines), None)


def dotted(where: Location) -> str:
    """The field as people write it, e.g. ``scenarios.retrain-model.steps.0.store``."""
    return ".".join(str(part) for part in where)
