"""Every segment by itself: how well it is predicted, whether it got worse, how far it has moved. Worst first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import inf
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from governance.errors import SchemaMismatch
from governance.project_file import Drift, Segmentation
from governance.vocabulary import Measurement
from tasks.data.telling import Progress, say_nothing
from tasks.drift.findings import DriftFindings
from tasks.metrics.days import blocks_of
from tasks.segments.comparing import corrected, p_value_of
from tasks.segments.inside import Inside, drift_inside, drifted_in
from tasks.segments.segmentation import Split, split_rows
from tasks.segments.telling import Segment, Segmented, tell

if TYPE_CHECKING:
    import pandas as pd

    from tasks.data.schema import Schema

Performance = Callable[["pd.DataFrame"], Sequence[Measurement]]
Compared = tuple[Measurement, Measurement, float | None]

CURRENT, SAMPLE, REFERENCE = "current", "sample", "reference"


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """All rows of an evaluation, seen as it needs to be.

    Args:
        reference: Features and predictions of the reference; ``None`` when there is no reference.
        known: The same rows as outcomes; ``None`` when they have no labels or there is no reference.
        sample: Features and predictions of the current rows that are kept.
        outcomes: All judged rows.
    """

    reference: pd.DataFrame | None
    known: pd.DataFrame | None
    sample: pd.DataFrame
    outcomes: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Scale:
    """How performance is measured: all metrics of some rows, and the one to focus on."""

    metric: str
    performance: Performance | None

    def measure(self, rows: pd.DataFrame) -> list[Measurement]:
        """Metrics of those of the rows that have a label."""
        return [] if self.performance is None else list(self.performance(rows[rows["target"].notna()]))

    def focus(self, measured: Sequence[Measurement]) -> Measurement:
        """The metric to focus on, out of all."""
        nothing = Measurement(self.metric, None, reason="performance is not measured")
        return next((m for m in measured if m.name == self.metric), nothing)


def measure_segments(
    settings: Sequence[Segmentation],
    *,
    reference: pd.DataFrame | None,
    known: pd.DataFrame | None,
    sample: pd.DataFrame,
    outcomes: pd.DataFrame,
    schema: Schema,
    metric: str,
    performance: Performance | None,
    drift: Drift,
    progress: Progress | None = None,
) -> DriftFindings:
    """Split an evaluation by each of some columns, and measure every segment by itself.

    A segment is tested twice on the metric to focus: against the other current rows (``_difference``: is the model
    worse here?) and against the same segment of the reference (``_drift``: did it get worse?). Both p-values are
    corrected after Holm over all segments of all segmentations, and those of columns that drifted within a segment
    after Benjamini–Hochberg over all columns of all segments: looking at more of them makes no more false alarms.

    Args:
        settings: The ``segments`` section of the store.
        reference: Shape (rows, ...): features, target, ``prediction`` and ``proba_<class>``, as the version keeps it;
            ``None`` without one.
        known: The same rows in the form of ``outcomes``, as :func:`tasks.judging.references.outcomes_of` makes them;
            ``None`` when they have no labels.
        sample: The current rows that are kept, with their predictions: drift within a segment is measured on them.
        outcomes: All judged rows: ``target`` (NaN is missing; only where labels are asked for), ``prediction``,
            ``proba_<class>``, ``weight`` and ``time`` where there are any, and every column that ``settings`` name.
        schema: Of the model.
        metric: The metric to focus on, as in the catalogue.
        performance: Metrics of rows like ``outcomes`` that have a label, such as ``measure_performance`` with all but
            the rows filled in; ``None`` measures none.
        drift: The ``drift`` section of the store.
        progress: Told what is done, and which share (0 to 1) is done.

    Returns:
        ``segment.<column>.<value>.<metric>``; the value ``(worst)`` repeats the first row of the table, so that a check
        can watch whichever that is. It has no interval, for the worst of many lies low by chance too: what to check is
        its ``_p_value``, which is corrected for that. ``details["segments"]`` is one table per segmentation, see
        :func:`tasks.segments.telling.tell`. No snapshot.
    """
    scale = Scale(metric, performance if "target" in outcomes else None)
    rows = Rows(reference, known, sample, outcomes)
    report = progress or say_nothing
    parts = []
    for number, segmentation in enumerate(settings):

        def told(what: str, share: float | None = None, /, number: int = number) -> None:
            report(what, (number + (share or 0.0)) / len(settings))

        parts.append(_measure_segmentation(segmentation, rows, schema, scale, drift, told))
    return tell(_correct(parts), metric)


def _measure_segmentation(
    settings: Segmentation, rows: Rows, schema: Schema, scale: Scale, drift: Drift, progress: Progress
) -> Segmented:
    column = settings.column
    frames = {CURRENT: rows.outcomes, SAMPLE: rows.sample, REFERENCE: rows.reference}
    sides = {side: frame[column] for side, frame in frames.items() if frame is not None and column in frame}
    if CURRENT not in sides:
        return Segmented(settings, None, (), reason=f"the data have no column {column!r}")
    try:
        split = split_rows(settings, sides, bounds_of=REFERENCE if REFERENCE in sides else CURRENT)
    except (ValueError, TypeError) as problem:
        return Segmented(settings, None, (), reason=str(problem))
    counts = split.counts(CURRENT)
    by_size = np.argsort(-counts, kind="stable")
    measured = by_size[counts[by_size] >= settings.minimum_rows][: settings.most]
    segments = []
    for done, code in enumerate(measured.tolist()):
        progress(f"{column} {split.text(code)}", done / measured.size)
        segments.append(_measure_segment(code, settings, split, rows, schema, scale, drift))
    return Segmented(settings, split, tuple(segments))


def _measure_segment(
    code: int, settings: Segmentation, split: Split, rows: Rows, schema: Schema, scale: Scale, drift: Drift
) -> Segment:
    inside = _which(split, code)
    here = inside[CURRENT]
    own = rows.outcomes[here]
    performance = scale.measure(own)
    found = scale.focus(performance)
    rest = _difference(
        scale, found, own, rows.outcomes, ~here, f"{scale.metric}_difference", "the other rows", settings.minimum_rows
    )
    before = _difference(
        scale,
        found,
        own,
        rows.known,
        inside.get(REFERENCE),
        f"{scale.metric}_drift",
        "the reference of the segment",
        settings.minimum_rows,
    )
    return Segment(
        code,
        tuple(performance),
        rest[:2],
        before[:2],
        _drift_inside(settings, inside, rows, schema, drift),
        rest[2],
        before[2],
    )


def _which(split: Split, code: int) -> Mapping[str, NDArray[np.bool_]]:
    return {side: codes == code for side, codes in split.codes.items()}


def _difference(
    scale: Scale,
    found: Measurement,
    own: pd.DataFrame,
    others: pd.DataFrame | None,
    which: NDArray[np.bool_] | None,
    name: str,
    whose: str,
    minimum_rows: int,
) -> Compared:
    """The metric to focus on of other rows, what it is more here, and how surprising that is."""

    def nothing(reason: str) -> Compared:
        than = Measurement(scale.metric, None, reason=reason)
        return than, Measurement(name, None, rows=found.rows, reason=reason), None

    if found.value is None:
        return nothing(found.reason)
    if others is None or which is None:
        return nothing(f"there is no {whose.removeprefix('the ')}")
    compared = others[which & others["target"].notna().to_numpy()]
    if len(compared) < minimum_rows:
        return nothing(f"{whose} has {len(compared):,} labelled rows, fewer than {minimum_rows:,}")
    than = scale.focus(scale.measure(compared))
    if than.value is None:
        return nothing(f"{whose}: {than.reason}")
    difference = found.minus(than, name)
    return than, difference, p_value_of(difference, min(_freedom(own), _freedom(compared)))


def _freedom(rows: pd.DataFrame) -> float:
    """Of the error of a metric of rows: a day less than there are, where rows of a day may hang together."""
    blocks = blocks_of(rows.loc[rows["target"].notna(), "time"]) if "time" in rows else None
    return inf if blocks is None else np.unique(blocks).size - 1


def _drift_inside(
    settings: Segmentation, which: Mapping[str, NDArray[np.bool_]], rows: Rows, schema: Schema, drift: Drift
) -> Inside:
    if rows.reference is None or REFERENCE not in which or SAMPLE not in which:
        lacking = "there is no reference" if rows.reference is None else f"a side has no column {settings.column!r}"
        return Inside.without(lacking)
    reference, sample = rows.reference[which[REFERENCE]], rows.sample[which[SAMPLE]]
    try:
        return drift_inside(reference, sample, schema, drift, minimum_rows=settings.minimum_rows)
    except SchemaMismatch as mismatch:
        return Inside.without(str(mismatch))


def _correct(parts: Sequence[Segmented]) -> list[Segmented]:
    """The same with p-values corrected for everything that was looked at."""
    every = [(at, segment) for at, part in enumerate(parts) for segment in part.segments]
    to_rest = corrected([segment.rest_p_value for _, segment in every])
    to_before = corrected([segment.before_p_value for _, segment in every])
    drifted = drifted_in([segment.inside for _, segment in every])
    proven = [
        (at, replace(segment, rest_p_value=rest, before_p_value=before, drifted=columns))
        for (at, segment), rest, before, columns in zip(every, to_rest, to_before, drifted, strict=True)
    ]
    regrouped = {at: tuple(segment for _, segment in group) for at, group in groupby(proven, key=lambda pair: pair[0])}
    return [replace(part, segments=regrouped.get(at, ())) for at, part in enumerate(parts)]
