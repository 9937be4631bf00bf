"""The periods of a backfill: the parts of a series, or a stretch of time cut into ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from governance.errors import NotFound, UnusableName
from governance.project_file import Project
from governance.vocabulary import Every
from tasks.data.ranges import cut, day
from tasks.data.sources import parts, resolve_data


@dataclass(frozen=True, slots=True)
class Period:
    """One past period.

    Args:
        name: As people call it: the part of the series, or the range of time.
        data: The rows of it, as :func:`tasks.data.sources.resolve_data` takes them.
    """

    name: str
    data: str


def periods_of(
    project: Project,
    data: str,
    first: str | None,
    last: str | None,
    every: Every | None,
    environment: Mapping[str, str] | None = None,
) -> list[Period]:
    """The periods that are meant, oldest first.

    Args:
        project: Whose data.
        data: A series of files; or, with ``every``, one file or a query.
        first: Part to begin with, or first day; ``None``: the first part there is.
        last: Last part, or the day before which it ends; ``None``: the last part there is.
        every: How long the ranges of time are; ``None``: the parts of the series are the periods.
        environment: Variables that hold the addresses of databases.

    Raises:
        NotFound: there are no such data, no such part, or no part at all.
        UnusableName: a series is to be cut by time, something that is no series is not, or a day is none.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> loans = {"project": "bank", "data": {"loans": {"path": "loans.csv"}}}
        >>> with TemporaryDirectory() as folder:
        ...     _ = (Path(folder) / "loans.csv").write_text("when,repaid")
        ...     bank = Project.model_validate(loans)
        ...     bank._file = Path(folder) / "project.yaml"
        ...     [period.data for period in periods_of(bank, "loans", "2024-01-01", "2024-03-01", Every.MONTH)]
        ['loans:2024-01-01..2024-02-01', 'loans:2024-02-01..2024-03-01']
    """
    known = parts(project, data) if data in project.data else []
    if every is not None:
        if known:
            remedy = "leave --every out: its parts are the periods"
            raise UnusableName("data", data, "it is a series of files", remedy)
        return _cut(project, data, first, last, every, environment)
    if not known:
        found = resolve_data(project, data, data, environment)  # what does not exist is said to, first
        remedy = "name a series of files, or say --from, --to and --every month, week or day"
        raise UnusableName("data", found.name, "it is no series of files", remedy)
    begin, end = _position(data, first, known, 0), _position(data, last, known, len(known) - 1)
    if end < begin:
        raise UnusableName("last part", known[end], f"it comes before {known[begin]}", "exchange --from and --to")
    return [Period(part, f"{data}:{part}") for part in known[begin : end + 1]]


def _cut(
    project: Project,
    data: str,
    first: str | None,
    last: str | None,
    every: Every,
    environment: Mapping[str, str] | None,
) -> list[Period]:
    if first is None or last is None:
        raise UnusableName("data", data, "it is not said which time is meant", "add --from DAY and --to DAY")
    whole = resolve_data(project, data, data, environment)
    ranges = cut(day(first, "first day"), day(last, "last day"), every)
    return [Period(str(each), f"{whole.name}:{each}") for each in ranges]


def _position(series: str, part: str | None, known: list[str], otherwise: int) -> int:
    if part is None:
        return otherwise
    if part not in known:
        raise NotFound("part", f"{series}:{part}", known, "name one of them")
    return known.index(part)
