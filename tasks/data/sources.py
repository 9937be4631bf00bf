"""Where data are: the sources that a project declares, their parts, plain files, and queries."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from glob import escape, glob
from pathlib import Path
from typing import Final, Literal

from governance.errors import NotFound, SchemaMismatch, UnreadableFile, UnusableName
from governance.project_file import FILE_NAME, DataSource, Project
from tasks.data.headers import csv_header, parquet_header
from tasks.data.queries import Query, query_header
from tasks.data.ranges import TimeRange, split_range

Format = Literal["csv", "parquet"]
ENDINGS: Final[dict[str, tuple[Format, str]]] = {
    ".csv": ("csv", ","), ".tsv": ("csv", "\t"), ".parquet": ("parquet", ","), ".pq": ("parquet", ","),
}  # fmt: skip
"""Ending of a file: its format, and the separator when nothing else says which."""

_LATEST: Final = "latest"


@dataclass(frozen=True, slots=True)
class Source:
    """One file of rows, or the rows of a query.

    Args:
        name: As people name it: ``training``, ``monthly:2017_06``, or the path as it was given.
        path: Where the file is; of a query its name, which is what errors call it.
        format: How it is written; ``sql`` for a query.
        separator: Between the columns of a CSV file; one character.
        query: What is asked of which database; ``None`` for a file. It is not shown: its address has a password.
        between: Only the rows of this time are meant; ``None``: all. Whoever reads them knows which column says when,
            and lets only these through; who can't refuses them with :func:`require_whole`.
    """

    name: str
    path: Path
    format: Format | Literal["sql"]
    separator: str = ","
    query: Query | None = field(default=None, repr=False)
    between: TimeRange | None = None


def resolve_data(
    project: Project, reference: str | None, default: str, environment: Mapping[str, str] | None = None
) -> Source:
    """The file or the query that a reference means.

    Args:
        project: The project whose sources are known.
        reference: ``source``, ``source:part`` (part = what the ``*`` stands for), ``source:latest`` (the last part in
            natural order, which a series without part means too), or a path: absolute, relative to the current
            folder, or relative to the project. A path to a part of a declared source is that part. Each may end with
            a range of time, as in ``payments:2017-04-01..2017-05-01``.
        default: The source that no reference means.
        environment: Variables that hold the addresses of databases; only a query looks its own up.

    Returns:
        The source. A file that is declared but absent is found out on reading it.

    Raises:
        NotFound: nothing answers to the reference, or no variable has the address of the database; names the sources
            or the parts that are known.
        UnreadableFile: a path to a folder, or to a file whose ending tells no format.
        UnusableName: a range of time that is none.
    """
    wanted = reference or default
    name, colon, part = wanted.partition(":")
    # A part may be called like a range.
    is_part = ".." in part and name in project.data and part in _files_of(project, name)
    whole, between = (wanted, None) if is_part else split_range(wanted)
    if between is not None:
        found = resolve_data(project, whole, default, environment)
        return replace(found, name=f"{found.name}:{between}", between=between)
    if name in project.data:
        return _declared(project, name, part if colon else None, environment or {})
    for candidate in (Path(wanted), project.folder / wanted):
        if candidate.is_file():
            return _plain_file(project, wanted, candidate)
    if Path(wanted).is_dir():
        raise UnreadableFile(
            wanted, "it is a folder", f"name a file in it, or one of {', '.join(sorted(project.data))}"
        )
    raise NotFound("data source", wanted, sorted(project.data), "name one of them, or a path to a file that exists")


def parts(project: Project, source_name: str) -> list[str]:
    """The parts of a series in natural order (``2017_2`` before ``2017_10``); none for a single file.

    Raises:
        NotFound: the project declares no such source.
    """
    if source_name not in project.data:
        raise NotFound("data source", source_name, sorted(project.data), "name one of them")
    return list(_files_of(project, source_name))


def read_header(source: Source) -> list[str]:
    """The names of the columns, in the order of the file.

    Raises:
        UnreadableFile: the file is absent, empty, not UTF-8, truncated, or not in its format.
        SchemaMismatch: two columns have the same name.
    """
    header = _names_in(source)
    for name, times in Counter(header).items():
        if times > 1:
            raise SchemaMismatch(
                source.path, name, f"{times} columns have this name", "rename or remove all but one of them"
            )
    return header


def _names_in(source: Source) -> list[str]:
    if source.query is not None:
        return query_header(source.query)
    require_file(source.path)
    return parquet_header(source.path) if source.format == "parquet" else csv_header(source.path, source.separator)


def require_file(path: Path) -> None:
    """Refuse a path that leads to no file with bytes in it.

    Raises:
        UnreadableFile: absent, a folder, empty, or not readable for this user.
    """
    try:
        if path.is_dir():
            raise UnreadableFile(path, "it is a folder", "name a CSV or Parquet file")
        with path.open("rb") as file:
            if not file.read(1):
                raise UnreadableFile(path, "it is empty", "write it again, with a header and at least one row")
    except FileNotFoundError as error:
        raise UnreadableFile(path, "there is no such file", "correct the path, or put the file there") from error
    except OSError as error:
        raise UnreadableFile(path, f"it can't be opened ({error.strerror})", "see to its permissions") from error


def require_whole(source: Source, doing: str) -> None:
    """Refuse a range of time where rows are not looked at by their time.

    Raises:
        UnusableName: the source is one.
    """
    if source.between is not None:
        whole = source.name.removesuffix(f":{source.between}")
        raise UnusableName("data", source.name, f"{doing} takes all rows, not those of a time", f"name it as {whole}")


def require_time_column(source: Source, time_column: str | None) -> str:
    """The column that says when a row of a range of time happened.

    Raises:
        UnusableName: none does.
    """
    if time_column is None:
        raise UnusableName(
            "data", source.name, "no column says when a row happened", f"name it as time_column in {FILE_NAME}"
        )
    return time_column


def require_columns(source: Source, header: Sequence[str], names: Iterable[str]) -> None:
    """Refuse a file that lacks a column.

    Raises:
        SchemaMismatch: names the first column that is missing, and the nearest one that is there.
    """
    known = set(header)
    for name in names:
        if name not in known:
            raise SchemaMismatch(source.path, name, "there is no such column", _where_it_may_be(source, header, name))


def _where_it_may_be(source: Source, header: Sequence[str], name: str) -> str:
    other = next((mark for mark in ";\t|," if len(header) == 1 and mark in header[0]), None)
    if source.format == "csv" and other is not None and other != source.separator:
        return f"the header has no {source.separator!r} but {other!r}: set separator: {other!r} for this data source"
    lowered = {each.casefold().strip(): each for each in header}
    near = get_close_matches(name.casefold().strip(), lowered, n=1)
    if near:
        return f"the nearest is {lowered[near[0]]!r}: rename it, or correct the name in {FILE_NAME}"
    shown = ", ".join(header[:10]) + (", …" if len(header) > 10 else "")
    return f"add it, or correct the name in {FILE_NAME} (the file has {shown})"


def _declared(project: Project, name: str, part: str | None, environment: Mapping[str, str]) -> Source:
    declared = project.data[name]
    if declared.path is None or "*" not in declared.path:
        if part not in (None, "", _LATEST):
            kind = "a query" if declared.path is None else "a single file"
            raise NotFound("part", f"{name}:{part}", (), f"{name!r} is {kind}: name it without a part")
        if declared.path is None:
            return _of_a_query(name, declared, environment)
        return _source(name, project.folder / declared.path, declared)
    files = _files_of(project, name)
    if not files:
        raise NotFound("file of the series", name, (), f"put one where {declared.path!r} in {project.folder} finds it")
    chosen = next(reversed(files)) if part in (None, "", _LATEST) else part
    if chosen not in files:
        raise NotFound("part", f"{name}:{part}", list(files), f"name one of them, or {name}:{_LATEST}")
    return _source(f"{name}:{chosen}", files[chosen], declared)


def _of_a_query(name: str, declared: DataSource, environment: Mapping[str, str]) -> Source:
    variable = declared.url_variable or ""
    if not environment.get(variable):
        raise NotFound(
            "environment variable", variable, (), f"set it to the SQLAlchemy URL of the database of {name!r}"
        )
    return Source(name, Path(name), "sql", query=Query(name, declared.query or "", environment[variable]))


def _files_of(project: Project, name: str) -> dict[str, Path]:
    """Part: its file, in natural order."""
    declared = project.data[name]
    if declared.path is None:
        return {}
    before, star, after = str(project.folder / declared.path).partition("*")
    if not star:
        return {}
    # Not Path.glob: like a shell, glob leaves out hidden files, and these may be half-written.
    found = [file for file in glob(f"{escape(before)}*{escape(after)}") if Path(file).is_file()]  # noqa: PTH207
    known = {file[len(before) : len(file) - len(after)]: Path(file) for file in found}
    return {part: known[part] for part in sorted(known, key=natural_order)}


def natural_order(text: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sort key by which numbers inside a text count as numbers.

    Example:
        >>> sorted(["2017_10", "2017_9", "2016_12"], key=natural_order)
        ['2016_12', '2017_9', '2017_10']
    """
    pieces = re.findall(r"[0-9]+|[^0-9]+", text)
    return tuple((0, int(each), "") if each[0] in "0123456789" else (1, 0, each) for each in pieces), text


def _plain_file(project: Project, name: str, path: Path) -> Source:
    resolved = path.resolve()
    for declared_name, declared in project.data.items():
        if declared.path is None:
            continue
        if "*" not in declared.path and (project.folder / declared.path).resolve() == resolved:
            return _source(declared_name, path, declared)
        for part, file in _files_of(project, declared_name).items():
            if file.resolve() == resolved:
                return _source(f"{declared_name}:{part}", path, declared)
    return _source(name, path, None)


def _source(name: str, path: Path, declared: DataSource | None) -> Source:
    by_ending = ENDINGS.get(path.suffix.lower())
    if declared is None:
        if by_ending is None:
            raise UnreadableFile(
                path,
                f"its ending {path.suffix!r} tells no format",
                f"let it end in one of {', '.join(ENDINGS)}, or declare it under data with a format",
            )
        return Source(name, path, *by_ending)
    if declared.format is not None:
        return Source(name, path, declared.format, declared.separator)
    if by_ending is None:
        raise UnreadableFile(path, f"its ending {path.suffix!r} tells no format", f"set data.{name}.format")
    given = "separator" in declared.model_fields_set
    return Source(name, path, by_ending[0], declared.separator if given else by_ending[1])
