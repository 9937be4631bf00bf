"""What was found about segments, as numbers, tables and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from governance.project_file import Segmentation
from governance.vocabulary import Measurement
from tasks.drift.findings import DriftFindings
from tasks.drift.profile import PREDICTION
from tasks.metrics.catalogue import METRICS, info
from tasks.metrics.intervals import SIGNIFICANCE, wilson
from tasks.segments.comparing import p_text
from tasks.segments.inside import Inside
from tasks.segments.segmentation import Split, one_sided_p_value

WORST = "(worst)"
MOST_TOLD = 5
"""Of the same kind: so many are told in sentences; the table has all."""

MOST_NAMED = 20
"""New or vanished segments that are named."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """What there is to say about one segment.

    Args:
        code: Position among the labels of the split.
        performance: All metrics of its rows.
        to_rest: The metric to focus on of the other rows, and what it is more here.
        to_before: The same of its reference rows.
        inside: What moved within it.
        rest_p_value: Of ``to_rest``; as it is told, corrected for the number of segments.
        before_p_value: Of ``to_before``, likewise.
        drifted: Column, or ``prediction``: corrected p-value; most surprising first.
    """

    code: int
    performance: tuple[Measurement, ...]
    to_rest: tuple[Measurement, Measurement]
    to_before: tuple[Measurement, Measurement]
    inside: Inside
    rest_p_value: float | None = None
    before_p_value: float | None = None
    drifted: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Segmented:
    """One segmentation: those of its segments that were measured, or why there are none."""

    settings: Segmentation
    split: Split | None
    segments: tuple[Segment, ...]
    reason: str = ""


def tell(parts: Sequence[Segmented], metric: str) -> DriftFindings:
    """Everything that was found, worst first.

    First come segments that are worse by more than chance (corrected p-value below 0.05), then the others, each by
    how much they lose, to the reference or to the other rows; without labels, by what drifted within them.

    Args:
        parts: As measured and corrected.
        metric: The metric to focus on.

    Returns:
        ``details["segments"]``, per segmentation: ``column``, ``quantiles``, ``metric``, ``reason`` (why there is
        nothing), ``current_rows``, ``reference_rows``, ``segments`` (worst first), ``small`` and ``left_out`` (how many
        segments with how many rows have too few rows, or are beyond the ``most`` largest), ``new`` and ``vanished``
        (with the p-value of being on one side only by chance). Per segment: ``value``, ``text``, ``missing``,
        ``above`` and ``up_to`` (bounds of a quantile), ``rows``, ``share``, ``reference_rows``, ``reference_share``,
        ``worse`` (``before``, ``rest``: significantly worse than which), ``metrics``, ``rest``, ``difference``,
        ``difference_p_value``, ``reference``, ``drift``, ``drift_p_value``, ``drifted_columns`` (column: corrected
        p-value), ``columns_tested``, ``prediction_psi``, ``prediction_drifted``, ``drift_reason``.
    """
    tables: list[dict[str, Any]] = []
    measurements: list[Measurement] = []
    warnings: list[str] = []
    for part in parts:
        ordered = replace(part, segments=tuple(sorted(part.segments, key=lambda segment: _rank(segment, metric))))
        tables.append(_table(ordered, metric))
        measurements += _measurements(ordered, metric)
        warnings += _warnings(ordered, tables[-1], metric)
    # A value may be written like another segment's: the first keeps the name.
    unique = {m.name: m for m in reversed(measurements)}
    return DriftFindings(list(reversed(unique.values())), {"segments": tables}, "", warnings)


def _loss(difference: Measurement, metric: str) -> float:
    """How much is lost, in the unit of the metric; where neither end is good, how far it is away."""
    if difference.value is None:
        return 0.0
    better = info(metric).higher_is_better
    return abs(difference.value) if better is None else -difference.value if better else difference.value


def _worse(segment: Segment, metric: str) -> list[str]:
    sides = {
        "before": (segment.to_before[1], segment.before_p_value),
        "rest": (segment.to_rest[1], segment.rest_p_value),
    }
    return [
        side
        for side, (difference, p) in sides.items()
        if p is not None and p < SIGNIFICANCE and _loss(difference, metric) > 0
    ]


def _rank(segment: Segment, metric: str) -> tuple[bool, float, int, float, int]:
    proven = _worse(segment, metric)
    losses = {"before": _loss(segment.to_before[1], metric), "rest": _loss(segment.to_rest[1], metric)}
    loss = max(losses[side] for side in proven or losses)
    return not proven, -loss, -len(segment.drifted), -(segment.inside.psi.value or 0.0), segment.code


def _measurements(part: Segmented, metric: str) -> Iterator[Measurement]:
    split, column = part.split, part.settings.column
    if split is None or not part.segments:
        reason = part.reason or f"no segment of {column!r} has {part.settings.minimum_rows:,} rows"
        names = (metric, f"{metric}_difference", f"{metric}_difference_p_value", f"{metric}_drift")
        yield from (Measurement(f"segment.{column}.{WORST}.{name}", None, rows=0, reason=reason) for name in names)
        return
    for position, segment in enumerate(part.segments):
        focused = list(_focused(segment, metric))
        if position == 0:
            # An interval holds for a segment that was chosen beforehand, and not for the worst of many.
            worst = (replace(m, lower=None, upper=None) for m in focused)
            yield from (replace(m, name=f"segment.{column}.{WORST}.{m.name}") for m in worst)
        yield from (
            replace(m, name=f"segment.{column}.{split.labels[segment.code]}.{m.name}")
            for m in (*_shares(split, segment), *focused, *_others(segment, metric))
        )


def _shares(split: Split, segment: Segment) -> Iterator[Measurement]:
    for side, name in (("current", "share"), ("reference", "reference_share")):
        if side in split.codes and split.codes[side].size:
            rows = int(split.counts(side)[segment.code])
            yield Measurement(name, *wilson(rows, split.codes[side].size), split.codes[side].size)


def _focused(segment: Segment, metric: str) -> Iterator[Measurement]:
    if not segment.performance:
        return
    difference, drift = segment.to_rest[1], segment.to_before[1]
    nothing = Measurement(metric, None, reason=f"there is no metric {metric!r} here")
    yield next((m for m in segment.performance if m.name == metric), nothing)
    yield from (difference, drift)
    for of, p_value in ((difference, segment.rest_p_value), (drift, segment.before_p_value)):
        reason = "" if p_value is not None else of.reason or "a side has no interval, and so nothing to test with"
        yield Measurement(f"{of.name}_p_value", p_value, rows=of.rows, reason=reason)


def _others(segment: Segment, metric: str) -> Iterator[Measurement]:
    yield from (m for m in segment.performance if m.name in METRICS and m.name != metric)
    inside = segment.inside
    drifted = None if inside.reason else float(len(segment.drifted.keys() - {PREDICTION}))
    yield Measurement("drifted_columns", drifted, rows=inside.rows, reason=inside.reason)
    yield inside.psi


def _table(part: Segmented, metric: str) -> dict[str, Any]:
    settings, split = part.settings, part.split
    table: dict[str, Any] = {
        "column": settings.column,
        "quantiles": settings.quantiles,
        "metric": metric,
        "reason": part.reason,
        "segments": [],
    }
    if split is None:
        return table
    counts = split.counts("current")
    before = split.counts("reference") if "reference" in split.codes else None
    small = (counts > 0) & (counts < settings.minimum_rows)
    large = counts >= settings.minimum_rows
    large[[segment.code for segment in part.segments]] = False
    return table | {
        "current_rows": int(counts.sum()),
        "reference_rows": None if before is None else int(before.sum()),
        "segments": [_row(split, segment, metric, counts, before) for segment in part.segments],
        "small": {"segments": int(small.sum()), "rows": int(counts[small].sum())},
        "left_out": {"segments": int(large.sum()), "rows": int(counts[large].sum())},
        "new": [] if before is None else _on_one_side(split, counts, before),
        "vanished": [] if before is None else _on_one_side(split, before, counts),
    }


def _row(split: Split, segment: Segment, metric: str, counts: Any, before: Any) -> dict[str, Any]:
    code, inside = segment.code, segment.inside
    above, up_to = split.bounds(code)
    rest, difference = segment.to_rest
    reference, drift = segment.to_before
    return {
        "value": split.labels[code],
        "text": split.text(code),
        "missing": code == split.missing,
        "above": above,
        "up_to": up_to,
        "rows": int(counts[code]),
        "share": int(counts[code]) / int(counts.sum()),
        "reference_rows": None if before is None else int(before[code]),
        "reference_share": None if before is None or not before.any() else int(before[code]) / int(before.sum()),
        "worse": _worse(segment, metric),
        "metrics": {m.name: m.cell() for m in segment.performance},
        "rest": rest.cell(),
        "difference": difference.cell(),
        "difference_p_value": segment.rest_p_value,
        "reference": reference.cell(),
        "drift": drift.cell(),
        "drift_p_value": segment.before_p_value,
        "drifted_columns": {name: p for name, p in segment.drifted.items() if name != PREDICTION},
        "columns_tested": len(inside.p_values.keys() - {PREDICTION}),
        "prediction_psi": inside.psi.value,
        "prediction_drifted": PREDICTION in segment.drifted,
        "drift_reason": inside.reason,
    }


def _on_one_side(split: Split, side: Any, other: Any) -> list[dict[str, Any]]:
    """Segments that only one side has, the largest first; p-values corrected for all segments (Bonferroni)."""
    only = np.flatnonzero((side > 0) & (other == 0))
    kept = only[np.argsort(-side[only], kind="stable")][:MOST_NAMED]
    return [
        {
            "value": split.labels[code],
            "text": split.text(code),
            "rows": int(side[code]),
            "p_value": min(
                1.0, len(split.labels) * one_sided_p_value(int(side[code]), int(side.sum()), int(other.sum()))
            ),
        }
        for code in kept.tolist()
    ]


def _warnings(part: Segmented, table: Mapping[str, Any], metric: str) -> Iterator[str]:
    column = part.settings.column
    if part.split is None:
        yield f"segments of {column!r} can't be measured: {part.reason}"
        return
    if "reference" not in part.split.codes and part.settings.quantiles is not None:
        yield (
            f"segments of {column!r}: the reference has no such column, so that the quantiles are those of these rows "
            "and can't be compared with another evaluation's"
        )
    beyond = table["small"]["rows"]
    if beyond > table["current_rows"] / 2:
        yield (
            f"segments of {column!r}: {beyond:,} of {table['current_rows']:,} rows are in segments with fewer than "
            f"{part.settings.minimum_rows:,} rows and are not measured; set quantiles, or a smaller minimum_rows"
        )
    rows = table["segments"]
    yield from _at_most([s for row in rows for s in _about_performance(column, row, metric)], column, "are worse")
    drifted = [
        f"segment {column} = {row['text']}: {_names(list(row['drifted_columns']))} drifted within it"
        for row in rows
        if row["drifted_columns"]
    ]
    yield from _at_most(drifted, column, "have drifted")
    for what, whose in (("new", "the reference has none"), ("vanished", "the reference has such rows")):
        found = [one["text"] for one in table[what] if one["p_value"] < SIGNIFICANCE]
        if found:
            verb = "is" if what == "new" else "has"
            yield f"of the segments of {column!r}, {_names(found)} {verb} {what}: {whose}, and that is no chance"


def _about_performance(column: str, row: Mapping[str, Any], metric: str) -> Iterator[str]:
    now = row["metrics"].get(metric, {}).get("value")
    for side, compared, key in (("before", "reference", "drift"), ("rest", "rest", "difference")):
        if side in row["worse"]:
            verb, whose = ("was", "in the reference") if side == "before" else ("is", "in the other rows")
            yield (
                f"segment {column} = {row['text']}: {info(metric).title} is {now:.4g} on {row['rows']:,} rows and {verb} "
                f"{row[compared]['value']:.4g} {whose} ({p_text(row[f'{key}_p_value'])}, corrected for all segments)"
            )


def _at_most(sentences: Sequence[str], column: str, what: str) -> Iterator[str]:
    yield from sentences[:MOST_TOLD]
    if len(sentences) > MOST_TOLD:
        yield f"{len(sentences) - MOST_TOLD:,} more segments of {column!r} {what}; the table has them"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_TOLD:,} more" if len(names) > MOST_TOLD else ""
    return ", ".join(names[:MOST_TOLD]) + more
