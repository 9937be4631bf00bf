"""Drift within one segment: its current rows against the reference rows of the same segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from governance.project_file import Drift
from governance.vocabulary import Measurement
from tasks.drift.columns import measure_column
from tasks.drift.profile import PREDICTION, fit_profile
from tasks.drift.scan import scan_frame
from tasks.drift.statistics import benjamini_hochberg
from tasks.metrics.intervals import SIGNIFICANCE

if TYPE_CHECKING:
    import pandas as pd

    from tasks.data.schema import Schema


PSI = "prediction_drift.psi"


@dataclass(frozen=True, slots=True)
class Inside:
    """What moved within a segment.

    Args:
        p_values: Of every feature that could be tested, and of ``prediction``; not corrected.
        psi: Of the predictions; ``prediction_drift.psi``.
        rows: Of the current side that were compared.
        reason: Why nothing could be compared; empty when something was.
    """

    p_values: Mapping[str, float]
    psi: Measurement
    rows: int
    reason: str = ""

    @classmethod
    def without(cls, reason: str, rows: int = 0) -> Self:
        """Nothing could be compared."""
        return cls({}, Measurement(PSI, None, rows=rows, reason=reason), rows, reason)


def drift_inside(
    reference: pd.DataFrame, sample: pd.DataFrame, schema: Schema, drift: Drift, *, minimum_rows: int
) -> Inside:
    """Compare the rows of one segment, feature by feature, and their predictions.

    There is no drift model of a segment: it would cost more than all the rest, and say little on so few rows.

    Args:
        reference: The segment's reference rows, with ``prediction``.
        sample: Its current rows, likewise.
        schema: Of the model.
        drift: The ``drift`` section of the store; ``handling`` is heeded.
        minimum_rows: With fewer rows on a side nothing is compared.

    Raises:
        SchemaMismatch: a side lacks a feature, or ``drift.handling`` names none.
    """
    for side, rows in (("the reference", len(reference)), ("the sample that was kept", len(sample))):
        if rows < minimum_rows:
            reason = f"{side} has {rows:,} rows of the segment, fewer than {minimum_rows:,}"
            return Inside.without(reason, len(sample))
    profile = fit_profile(reference, schema, drift.handling, calibrate=False)
    current = scan_frame(profile, sample)
    found = {name: measure_column(tally).p_value for name, tally in current.columns.items()}
    psi = Measurement(PSI, None, rows=len(sample), reason="a side has no predictions")
    if PREDICTION in current.predictions and PREDICTION in sample:
        of_prediction = measure_column(current.predictions[PREDICTION])
        found[PREDICTION] = of_prediction.p_value
        psi = next(replace(m, name=PSI) for m in of_prediction.measurements if m.name.endswith(".psi"))
    return Inside({name: p for name, p in found.items() if p is not None}, psi, len(sample))


def drifted_in(segments: Sequence[Inside]) -> list[dict[str, float]]:
    """Per segment: what drifted in it, most surprising first, with p-values corrected for all that was looked at.

    Benjamini–Hochberg runs over every column of every segment together: with each segment corrected by itself, one in
    twenty would show a drifted column though nothing had moved.
    """
    everything = [(at, name, p) for at, segment in enumerate(segments) for name, p in segment.p_values.items()]
    corrected = benjamini_hochberg(np.array([p for _, _, p in everything], dtype=np.float64))
    drifted: list[dict[str, float]] = [{} for _ in segments]
    order = sorted(range(len(everything)), key=lambda n: (everything[n][2], everything[n][1]))
    for number in order:
        at, name, _ = everything[number]
        if corrected[number] < SIGNIFICANCE:
            drifted[at][name] = float(corrected[number])
    return drifted
