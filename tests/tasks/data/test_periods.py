"""Ranges of time, and the periods of a backfill."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import NotFound, SchemaMismatch, UnreadableFile, UnusableName
from governance.project_file import Project, Sampling, load_project
from governance.vocabulary import Every, Handling
from tasks.data.conditions import within
from tasks.data.joining import read_training_table
from tasks.data.periods import periods_of
from tasks.data.ranges import MOST_RANGES, cut, split_range
from tasks.data.sampling import Selection
from tasks.data.sources import Source, require_whole, resolve_data

PROJECT = """\
project: house
data:
  loans: {path: loans.csv}
  monthly: {path: "sales_*.csv"}
models:
  m: {target: repaid, prediction_type: regression, time_column: day, train_on: loans}
stores:
  s: {model: m, data: loans, performance: false}
"""
DAYS = st.dates(date(1990, 1, 1), date(2060, 1, 1))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "project.yaml").write_text(PROJECT)
    rows = [f"2024-{month:02d}-{day:02d},{day},{day % 7}" for month in range(1, 13) for day in range(1, 29)]
    (tmp_path / "loans.csv").write_text("\n".join(["day,amount,repaid", *rows, ",1,1"]))
    for part in ("2017_9", "2017_10", "2017-01-01..2017-02-01"):
        (tmp_path / f"sales_{part}.csv").write_text("day,amount,repaid\n2017-09-01,1,2\n")
    return load_project(tmp_path)


@given(DAYS, st.integers(1, 900), st.sampled_from(Every))
def test_ranges_cover_the_stretch_without_gap_or_overlap(start: date, days: int, every: Every) -> None:
    end = start + timedelta(days=days)
    ranges = cut(start, end, every)
    assert (ranges[0].start, ranges[-1].end) == (start, end)
    assert all(earlier.end == later.start for earlier, later in pairwise(ranges))
    longest = {Every.DAY: 1, Every.WEEK: 7, Every.MONTH: 31}[every]
    assert all(0 < (each.end - each.start).days <= longest for each in ranges)
    assert all(split_range(f"loans:{each}") == ("loans", each) for each in ranges)


def test_months_are_counted_from_the_first_day_and_end_with_short_ones() -> None:
    starts = [each.start.isoformat() for each in cut(date(2024, 1, 31), date(2024, 5, 31), Every.MONTH)]
    assert starts == ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]


def test_a_stretch_up_to_the_last_day_that_there_is_can_be_cut() -> None:
    assert cut(date(9999, 11, 15), date.max, Every.MONTH)[-1].end == date.max


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (date(2024, 2, 1), date(2024, 1, 1), "ends before it begins"),
        (date(1900, 1, 1), date(2024, 1, 1), f"more than {MOST_RANGES:,} of a day"),
    ],
)
def test_a_stretch_that_cannot_be_meant_is_refused(start: date, end: date, said: str) -> None:
    with pytest.raises(UnusableName, match=said):
        cut(start, end, Every.DAY)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("loans:2024-02-30..2024-03-01", "no day of the calendar"),
        ("loans:2024-03-01..2024-03-01", "ends before it begins"),
    ],
)
def test_a_range_that_is_none_is_refused(project: Project, reference: str, said: str) -> None:
    with pytest.raises(UnusableName, match=said):
        resolve_data(project, reference, "loans")


def test_a_part_may_be_called_like_a_range(project: Project) -> None:
    found = resolve_data(project, "monthly:2017-01-01..2017-02-01", "loans")
    assert (found.path.name, found.between) == ("sales_2017-01-01..2017-02-01.csv", None)


def test_a_range_ends_whatever_names_data(project: Project) -> None:
    for whole in ("loans", "monthly:2017_9", str(project.folder / "loans.csv"), str(Path("loans.csv"))):
        found = resolve_data(project, f"{whole}:2024-01-01..2024-02-01", "monthly")
        assert str(found.between) == "2024-01-01..2024-02-01"
        assert found.name == f"{resolve_data(project, whole, 'monthly').name}:{found.between}"


def test_only_rows_of_the_range_are_judged_the_first_moment_of_its_end_not_among_them(project: Project) -> None:
    source = resolve_data(project, "loans:2024-03-01..2024-04-01", "loans")
    store = within(project.store("s"), source, "day")
    selection = Selection(source, {"amount": Handling.NUMERICAL}, store.sampling)
    rows = [row for chunk in selection for row in chunk["day"]]
    assert (len(rows), min(rows).date(), max(rows).date()) == (28, date(2024, 3, 1), date(2024, 3, 28))
    assert selection.total_rows == 12 * 28 + 1


def test_conditions_of_the_store_hold_besides(project: Project) -> None:
    source = resolve_data(project, "loans:2024-03-01..2024-04-01", "loans")
    where = Sampling.model_validate({"where": [{"column": "amount", "below": 11}]})
    store = within(project.store("s").model_copy(update={"sampling": where}), source, "day")
    selection = Selection(source, {}, store.sampling)
    assert sum(map(len, selection)) == 10


def test_a_time_without_rows_is_said_to_have_none(project: Project) -> None:
    source = resolve_data(project, "loans:2030-03-01..2030-04-01", "loans")
    with pytest.raises(UnreadableFile, match=r"none of its 337 rows .* lies in 2030-03-01\.\.2030-04-01"):
        list(Selection(source, {}, within(project.store("s"), source, "day").sampling))
    with pytest.raises(UnreadableFile, match="lies in 2030"):
        read_training_table([source], "m", project.model("m")[1])


def test_what_is_learned_from_a_range_is_known_by_a_fingerprint_of_its_own(project: Project) -> None:
    settings = project.model("m")[1]
    tables = [
        read_training_table([resolve_data(project, reference, "loans")], "m", settings)
        for reference in ("loans", "loans:2024-01-01..2024-03-01", "loans:2024-03-01..2024-05-01")
    ]
    assert [len(table.frame) for table in tables] == [337, 56, 56]
    assert len({table.fingerprints for table in tables}) == 3


def test_a_range_without_a_column_of_time_is_refused(project: Project) -> None:
    source = resolve_data(project, "loans:2024-03-01..2024-04-01", "loans")
    with pytest.raises(UnusableName, match="no column says when a row happened; name it as time_column"):
        within(project.store("s"), source, None)


def test_a_column_that_is_no_time_is_refused(project: Project) -> None:
    source = resolve_data(project, "loans:2024-03-01..2024-04-01", "loans")
    with pytest.raises(SchemaMismatch):
        list(Selection(source, {}, within(project.store("s"), source, "amount").sampling))


def test_who_takes_all_rows_refuses_a_range(project: Project) -> None:
    source: Source = resolve_data(project, "loans:2024-03-01..2024-04-01", "loans")
    with pytest.raises(UnusableName, match="scoring takes all rows, not those of a time; name it as loans"):
        require_whole(source, "scoring")
    require_whole(resolve_data(project, "loans", "loans"), "scoring")


def test_the_parts_of_a_series_are_periods_in_natural_order(project: Project) -> None:
    periods = periods_of(project, "monthly", "2017_9", None, None)
    assert [(each.name, each.data) for each in periods] == [
        ("2017_9", "monthly:2017_9"),
        ("2017_10", "monthly:2017_10"),
    ]


def test_data_that_do_not_exist_are_said_not_to(project: Project) -> None:
    with pytest.raises(NotFound, match="no data source 'loan'"):
        periods_of(project, "loan", None, None, None)
