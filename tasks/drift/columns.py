"""Drift of every column by itself: tests, distances, missing values, both distributions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from governance.vocabulary import CheckOutcome, Handling, Measurement
from tasks.drift import statistics
from tasks.drift.contingency import Homogeneity, homogeneity, neutral_order
from tasks.drift.histogram import ANY, Histogram, of_levels
from tasks.drift.ordered import Apart, compare, counts_by_edges, interval_names
from tasks.drift.profile import LevelProfile, OrderedProfile, ReferenceProfile
from tasks.drift.scores import score_of_levels, score_of_ordered, share_p_value
from tasks.drift.tallies import NEW_LEVELS, ColumnTally, CurrentColumns, LevelTally, OrderedTally
from tasks.metrics.catalogue import COLUMN_STATISTICS
from tasks.metrics.intervals import SIGNIFICANCE

if TYPE_CHECKING:
    from governance.project_file.watched import FalseAlarmRate

NAMED_LEVELS = 10
"""How many unseen levels of a column are named."""


@dataclass(frozen=True, slots=True, eq=False)
class ColumnDrift:
    """What there is to say about one column.

    Args:
        name: Of the column.
        handling: How it was treated.
        measurements: ``column_drift.<column>.<statistic>``.
        p_value: Of the whole column: its values, how many are missing, out of range, or of new levels; ``None`` when
            nothing could be tested.
        calibrated: Whether the p-value comes from the null distribution of the reference; otherwise it is corrected
            for the number of tests (Bonferroni), which is conservative.
        corrected_p_value: After Benjamini–Hochberg over all columns.
        drifted: Whether the corrected p-value is below 0.05.
        verdict: By the false-alarm rate: ERROR, WARNING or OK; EMPTY when nothing could be tested.
        exact: Whether every current value was looked at by itself, and not by its cell.
        ks_bound: By how much the Kolmogorov–Smirnov distance can be too small at most.
        wasserstein_bound: By how much the Wasserstein distance can be wrong at most, in standard deviations.
        bins: Labels of the bins or levels, the missing ones last when there are any.
        reference_shares: Share of the reference rows per bin, summing to 1; empty without rows.
        current_shares: Likewise.
        unseen: Up to ten levels that neither the reference nor training knew, the most frequent first.
    """

    name: str
    handling: Handling
    measurements: tuple[Measurement, ...]
    p_value: float | None
    calibrated: bool = False
    corrected_p_value: float | None = None
    drifted: bool = False
    verdict: CheckOutcome = CheckOutcome.EMPTY
    exact: bool = True
    ks_bound: float = 0.0
    wasserstein_bound: float = 0.0
    bins: tuple[str, ...] = ()
    reference_shares: tuple[float, ...] = ()
    current_shares: tuple[float, ...] = ()
    unseen: tuple[str, ...] = ()


def measure_columns(profile: ReferenceProfile, current: CurrentColumns, rate: FalseAlarmRate) -> list[ColumnDrift]:
    """Measure every column, then correct the p-values for their number.

    Args:
        profile: Of the reference.
        current: The current rows, counted for that profile.
        rate: How often a column may be called drifted where nothing has.

    Returns:
        One per profiled feature, in order. A column that can't be measured carries the reason and harms no other.

    >>> import pandas as pd
    >>> from governance.project_file.watched import FalseAlarmRate
    >>> from tasks.drift.profile import fit_column
    >>> profile = ReferenceProfile(100, {"age": fit_column("age", Handling.NUMERICAL, pd.Series(range(100)))}, {})
    >>> current = CurrentColumns(profile)
    >>> current.add(pd.DataFrame({"age": range(50, 150)}))
    >>> measure_columns(profile, current, FalseAlarmRate())[0].drifted
    True
    """

    def calibrate(name: str, score: float, rows: int) -> float | None:
        null = profile.null
        if null is None or name in profile.uncalibrated or name not in null.columns:
            return None
        return null.p_value(name, score, rows)

    found = [measure_column(tally, calibrate) for tally in current.columns.values()]
    found = [replace(column, verdict=_verdict(column.p_value, rate)) for column in found]
    return correct(found)


def correct(found: list[ColumnDrift]) -> list[ColumnDrift]:
    """Columns with their p-values corrected for their number after Benjamini and Hochberg."""
    tested = [position for position, column in enumerate(found) if column.p_value is not None]
    corrected = statistics.benjamini_hochberg(np.array([found[position].p_value for position in tested], dtype=float))
    together = list(found)
    for position, p_value in zip(tested, corrected, strict=True):
        together[position] = replace(
            found[position], corrected_p_value=float(p_value), drifted=bool(p_value < SIGNIFICANCE)
        )
    return together


def _verdict(p_value: float | None, rate: FalseAlarmRate) -> CheckOutcome:
    if p_value is None:
        return CheckOutcome.EMPTY
    if p_value < rate.error:
        return CheckOutcome.ERROR
    return CheckOutcome.WARNING if p_value < rate.warning else CheckOutcome.OK


Calibrate = Callable[[str, float, int], float | None]


def measure_column(tally: ColumnTally, calibrate: Calibrate = lambda _name, _score, _rows: None) -> ColumnDrift:
    """Measure one column by itself; see :func:`measure_columns`.

    Missing values are never dropped silently: they are a bin of PSI and Jensen–Shannon, a level of the chi² test of a
    categorical column, and a test of their own.

    Args:
        tally: The current values, counted for the profile of the column.
        calibrate: From name, score and current rows to the p-value; ``None`` when there is no null distribution.
    """
    profile = tally.profile
    if tally.problem:
        reason = tally.problem
        measurements = tuple(
            Measurement(_name(tally, statistic), None, rows=profile.rows + tally.rows, reason=reason)
            for statistic in statistics_of(profile.handling)
        )
        return ColumnDrift(profile.name, profile.handling, measurements, None)
    if isinstance(tally, OrderedTally):
        return _measure_ordered(tally.profile, tally, calibrate)
    if isinstance(tally, LevelTally):
        return _measure_levels(tally.profile, tally, calibrate)
    raise TypeError(f"{type(tally).__name__} has no problem and can't be measured")


def statistics_of(handling: Handling) -> list[str]:
    """Names of what is measured on a column that is treated so, in the catalogue's order."""
    return [name for name, statistic in COLUMN_STATISTICS.items() if handling in statistic.handlings]


def _measure_ordered(profile: OrderedProfile, tally: OrderedTally, calibrate: Calibrate) -> ColumnDrift:
    gap: Apart | None = None
    nothing = ""
    try:
        gap = compare(profile, tally)
    except ValueError as absent:
        nothing = str(absent)

    def needed() -> Apart:
        if gap is None:
            raise ValueError(nothing)
        return gap

    def distance() -> float:
        found = needed()
        if found.distance is None:
            raise ValueError(found.undefined)
        return found.distance

    here, there = profile.values.size, tally.present
    by_edges = counts_by_edges(profile, tally)
    bins = interval_names(profile.edges, profile.handling) if here else (ANY,)
    histogram = Histogram(bins, *by_edges).with_missing(profile.missing, tally.missing)
    p_value, calibrated = _p_value(
        tally,
        calibrate,
        lambda: float(
            score_of_ordered(
                gap.ks if gap else 0.0, here, there, profile.missing, tally.missing, tally.below, tally.above
            )
        ),
    )
    computations = {
        "ks_statistic": lambda: needed().ks,
        "ks_p_value": lambda: statistics.ks_p_value(needed().ks, here, there),
        "wasserstein": distance,
        "out_of_range_share": lambda: (needed(), (tally.below + tally.above) / there)[1],
    }
    reference_shares, current_shares = histogram.shares()
    return ColumnDrift(
        profile.name,
        profile.handling,
        _measured(tally, histogram, p_value, computations),
        p_value,
        calibrated,
        exact=tally.exact,
        ks_bound=gap.ks_bound if gap else 0.0,
        wasserstein_bound=gap.distance_bound if gap else 0.0,
        bins=histogram.bins,
        reference_shares=reference_shares,
        current_shares=current_shares,
    )


def _measure_levels(profile: LevelProfile, tally: LevelTally, calibrate: Calibrate) -> ColumnDrift:
    new = tally.new_levels()
    levels = [*profile.levels, *new]
    here = np.concatenate([profile.counts, np.zeros(len(new), dtype=np.int64)])
    there = np.concatenate([tally.known, np.array(list(new.values()), dtype=np.int64)])
    uncounted = tally.new_rows if tally.too_many_new else 0
    histogram = of_levels(levels, here, there, uncounted).with_missing(profile.missing, tally.missing)
    # An order that knew which side has a level would let the tests put levels of one side together.
    neutral = neutral_order(levels)
    here, there = here[neutral], there[neutral]
    p_value, calibrated = _p_value(
        tally,
        calibrate,
        lambda: score_of_levels(
            here,
            there,
            profile.missing,
            tally.missing,
            tally.new_rows,
            profile.rows - profile.missing,
            int(np.count_nonzero(profile.counts == 1)),
            uncounted,
        ),
    )

    def new_category_share() -> float:
        _need_rows(tally)
        return tally.new_rows / tally.rows

    @cache
    def tested() -> Homogeneity:
        if uncounted:
            raise ValueError(f"more than {NEW_LEVELS:,} levels are new: they were not counted one by one")
        return homogeneity(np.append(here, profile.missing), np.append(there, tally.missing))

    computations = {
        "chi2_p_value": lambda: tested().p_value,
        "cramers_v": lambda: tested().cramers_v,
        "new_category_share": new_category_share,
    }
    reference_shares, current_shares = histogram.shares()
    return ColumnDrift(
        profile.name,
        profile.handling,
        _measured(tally, histogram, p_value, computations),
        p_value,
        calibrated,
        unseen=tuple(new)[:NAMED_LEVELS],
        bins=histogram.bins,
        reference_shares=reference_shares,
        current_shares=current_shares,
    )


def _measured(
    tally: ColumnTally, histogram: Histogram, p_value: float | None, computations: Mapping[str, Callable[[], float]]
) -> tuple[Measurement, ...]:
    """Every statistic of the catalogue for such a column; one that is not defined says why."""
    profile = tally.profile
    missing = 0 if not isinstance(profile, OrderedProfile | LevelProfile) else profile.missing

    def whole() -> float:
        _need_rows(tally)
        if p_value is None:
            raise ValueError("nothing could be tested")
        return p_value

    def missing_share_change() -> float:
        _need_rows(tally)
        return tally.missing / tally.rows - missing / profile.rows

    def missing_p_value() -> float:
        _need_rows(tally)
        return float(share_p_value(missing, profile.rows - missing, tally.missing, tally.rows - tally.missing))

    every: dict[str, Callable[[], float]] = {
        "p_value": whole,
        "psi": lambda: statistics.psi(histogram.reference, histogram.current),
        "jensen_shannon": lambda: statistics.jensen_shannon(histogram.reference, histogram.current),
        "missing_share_change": missing_share_change,
        "missing_p_value": missing_p_value,
        **computations,
    }
    return tuple(_measure(tally, statistic, every[statistic]) for statistic in statistics_of(profile.handling))


def _measure(tally: ColumnTally, statistic: str, compute: Callable[[], float]) -> Measurement:
    name, rows = _name(tally, statistic), tally.profile.rows + tally.rows
    try:
        return Measurement(name, compute(), rows=rows)
    except (ValueError, ArithmeticError) as undefined:
        return Measurement(name, None, rows=rows, reason=str(undefined))


def _name(tally: ColumnTally, statistic: str) -> str:
    return f"column_drift.{tally.profile.name}.{statistic}"


def _need_rows(tally: ColumnTally) -> None:
    if not tally.profile.rows or not tally.rows:
        raise ValueError("a side has no rows")


def _p_value(tally: ColumnTally, calibrate: Calibrate, score: Callable[[], float]) -> tuple[float | None, bool]:
    """Of the whole column, and whether the null distribution of the reference says so."""
    if not tally.profile.rows or not tally.rows:
        return None, False
    found = score()
    p_value = calibrate(tally.profile.name, found, tally.rows)
    return (float(10.0**-found), False) if p_value is None else (p_value, True)
