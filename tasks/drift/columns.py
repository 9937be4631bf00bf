"""Drift of every column by itself: tests, distances, missing values, both distributions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from governance.vocabulary import Handling, Measurement
from tasks.drift import statistics
from tasks.drift.pairs import ColumnPair
from tasks.drift.statistics import Counts
from tasks.metrics.catalogue import COLUMN_STATISTICS
from tasks.metrics.intervals import SIGNIFICANCE, Floats

NAMED_BINS = 50
"""Levels that get a bin of their own: those with the greatest share on either side. The rest share one."""

MISSING, OTHER = "(missing)", "(other)"


@dataclass(frozen=True, slots=True, eq=False)
class ColumnDrift:
    """What there is to say about one column.

    Args:
        name: Of the column.
        handling: How it was treated.
        measurements: ``column_drift.<column>.<statistic>``.
        p_value: Of the whole column, missing values included; ``None`` when nothing could be tested.
        corrected_p_value: After Benjamini–Hochberg over all columns.
        drifted: Whether the corrected p-value is below 0.05.
        bins: Labels of the bins or levels, the missing ones last when there are any.
        reference_shares: Share of the reference rows per bin, summing to 1; empty without rows.
        current_shares: Likewise.
        unseen: Up to ten levels that are in the current data only, the most frequent first.
    """

    name: str
    handling: Handling
    measurements: tuple[Measurement, ...]
    p_value: float | None
    corrected_p_value: float | None = None
    drifted: bool = False
    bins: tuple[str, ...] = ()
    reference_shares: tuple[float, ...] = ()
    current_shares: tuple[float, ...] = ()
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Rows per bin on both sides; the missing ones, if any, are the last bin."""

    bins: tuple[str, ...]
    reference: Counts
    current: Counts


def measure_columns(pairs: Sequence[ColumnPair]) -> list[ColumnDrift]:
    """Measure every column, then correct the p-values for their number.

    Args:
        pairs: As :func:`tasks.drift.pairs.pair_columns` makes them.

    Returns:
        One per pair, in order. A column that can't be measured carries the reason and harms no other.

    >>> pair = ColumnPair("age", Handling.NUMERICAL, np.arange(100.0), np.arange(100.0) + 50)
    >>> measure_columns([pair])[0].drifted
    True
    """
    found = [measure_column(pair) for pair in pairs]
    tested = [position for position, column in enumerate(found) if column.p_value is not None]
    corrected = statistics.benjamini_hochberg(np.array([found[position].p_value for position in tested], dtype=float))
    for position, p_value in zip(tested, corrected, strict=True):
        found[position] = replace(
            found[position], corrected_p_value=float(p_value), drifted=bool(p_value < SIGNIFICANCE)
        )
    return found


def measure_column(pair: ColumnPair) -> ColumnDrift:
    """Measure one column by itself; see :func:`measure_columns`.

    Missing values are never dropped silently: they are a bin of PSI and Jensen–Shannon, a level of the chi² test of
    a categorical column, and beside the KS test of any other column a test of their own (p-value of the column:
    twice the smaller of the two). ``missing_share_change`` says how much they grew.
    """
    rows = pair.reference.size + pair.current.size
    if pair.problem:
        return ColumnDrift(
            pair.name,
            pair.handling,
            tuple(
                Measurement(f"column_drift.{pair.name}.{s}", None, rows=rows, reason=pair.problem)
                for s in statistics_of(pair.handling)
            ),
            None,
        )
    here, there = (np.sort(side[~np.isnan(side)]) for side in (pair.reference, pair.current))
    missing = np.array([pair.reference.size - here.size, pair.current.size - there.size], dtype=np.int64)
    categorical = pair.handling is Handling.CATEGORICAL
    levels = _level_counts(pair, here, there) if categorical else None
    histogram = _of_levels(pair, levels) if levels is not None else _of_quantiles(pair, here, there)
    histogram = _with_missing(histogram, missing)

    def missing_share_change() -> float:
        _need_rows(pair)
        return float(missing[1] / pair.current.size - missing[0] / pair.reference.size)

    computations: dict[str, Callable[[], float]] = {
        "psi": lambda: statistics.psi(histogram.reference, histogram.current),
        "jensen_shannon": lambda: statistics.jensen_shannon(histogram.reference, histogram.current),
        "missing_share_change": missing_share_change,
    }
    if levels is not None:
        with_missing = _with_missing(levels, missing)
        computations["chi2_p_value"] = lambda: statistics.chi2_p_value(with_missing.reference, with_missing.current)
    else:
        gap = statistics.cumulative_gap(here, there) if here.size and there.size else None

        def needed() -> statistics.CumulativeGap:
            if gap is None:
                raise ValueError(_nothing_present(pair, here))
            return gap

        computations["ks_p_value"] = lambda: statistics.ks_p_value(needed(), here.size, there.size)
        computations["wasserstein"] = lambda: statistics.wasserstein(needed(), here)
    measured = {s: _measure(pair, s, computations[s]) for s in statistics_of(pair.handling)}
    p_value = (
        measured["chi2_p_value"].value if categorical else _with_missing_test(measured["ks_p_value"], pair, missing)
    )
    return ColumnDrift(
        pair.name,
        pair.handling,
        tuple(measured.values()),
        p_value,
        bins=histogram.bins,
        reference_shares=_shares(histogram.reference),
        current_shares=_shares(histogram.current),
        unseen=pair.unseen,
    )


def statistics_of(handling: Handling) -> list[str]:
    """Names of what is measured on a column that is treated so, in the catalogue's order."""
    return [name for name, statistic in COLUMN_STATISTICS.items() if handling in statistic.handlings]


def _measure(pair: ColumnPair, statistic: str, compute: Callable[[], float]) -> Measurement:
    name, rows = f"column_drift.{pair.name}.{statistic}", pair.reference.size + pair.current.size
    try:
        return Measurement(name, compute(), rows=rows)
    except (ValueError, ArithmeticError) as undefined:
        return Measurement(name, None, rows=rows, reason=str(undefined))


def _need_rows(pair: ColumnPair) -> None:
    if not pair.reference.size or not pair.current.size:
        raise ValueError("a side has no rows")


def _nothing_present(pair: ColumnPair, here: Floats) -> str:
    side, rows = ("reference", pair.reference.size) if not here.size else ("current", pair.current.size)
    return f"every {side} value is missing" if rows else f"there are no {side} rows"


def _with_missing_test(ks: Measurement, pair: ColumnPair, missing: Counts) -> float | None:
    """p-value of an ordered column: of its values, and of how many are missing."""
    if not missing.any() or not pair.reference.size or not pair.current.size:
        return ks.value
    rows = np.array([pair.reference.size, pair.current.size])
    of_missing = statistics.chi2_p_value(*(np.array([m, r - m]) for m, r in zip(missing, rows, strict=True)))
    return of_missing if ks.value is None else min(1.0, 2 * min(ks.value, of_missing))


def _of_quantiles(pair: ColumnPair, here: Floats, there: Floats) -> Histogram:
    if not here.size:
        # Nothing to take quantiles of: what is present on the other side is one bin.
        return Histogram(("(any value)",), np.array([0]), np.array([there.size]))
    edges = statistics.quantile_edges(here)
    return Histogram(
        _interval_names(edges, pair.handling),
        statistics.counts_between(here, edges),
        statistics.counts_between(there, edges),
    )


def _interval_names(edges: Floats, handling: Handling) -> tuple[str, ...]:
    if handling is Handling.DATE:
        texts = [str(np.datetime64(int(edge), "s")) for edge in edges]
    else:
        texts = [f"{edge:.6g}" for edge in edges]
    bounds = ["-∞", *texts, "∞"]
    names = []
    for position, (low, high) in enumerate(pairwise(bounds)):
        # An edge just below a value reads like the value: the bin after it holds that value alone.
        isolates_next = position + 2 < len(bounds) and bounds[position + 2] == high
        names.append(high if low == high else f"({low}, {high}{')' if isolates_next else ']'}")
    return tuple(names)


def _level_counts(pair: ColumnPair, here: Floats, there: Floats) -> Histogram:
    size = len(pair.levels)
    counts = (np.bincount(side.astype(np.int64), minlength=size) for side in (here, there))
    return Histogram(pair.levels, *counts)


def _of_levels(pair: ColumnPair, levels: Histogram) -> Histogram:
    """The levels with the greatest share on either side, by frequency in the reference, and the rest in one bin."""
    sides = levels.reference / max(1, pair.reference.size), levels.current / max(1, pair.current.size)
    kept = np.argsort(-np.maximum(*sides), kind="stable")[:NAMED_BINS]
    kept = kept[np.argsort(-levels.reference[kept], kind="stable")]
    bins, reference, current = tuple(levels.bins[code] for code in kept), levels.reference[kept], levels.current[kept]
    rest = np.array(
        [side.sum() - part.sum() for side, part in ((levels.reference, reference), (levels.current, current))]
    )
    if not rest.any():
        return Histogram(bins, reference, current)
    return Histogram((*bins, OTHER), np.append(reference, rest[0]), np.append(current, rest[1]))


def _with_missing(histogram: Histogram, missing: Counts) -> Histogram:
    if not missing.any():
        return histogram
    return Histogram(
        (*histogram.bins, MISSING),
        np.append(histogram.reference, missing[0]),
        np.append(histogram.current, missing[1]),
    )


def _shares(counts: Counts) -> tuple[float, ...]:
    total = int(counts.sum())
    return tuple(float(share) for share in counts / total) if total else ()
