"""Drift of a column or of two frames, as tests want it: in one call."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pyarrow as pa

from governance.project_file import Drift
from governance.vocabulary import PredictionType
from tasks.data.schema import Column, Schema
from tasks.drift.columns import measure_column
from tasks.drift.findings import DriftFindings, measure_input_drift
from tasks.drift.profile import ReferenceProfile, fit_column, fit_profile
from tasks.drift.scan import scan_frame
from tasks.drift.summary import table_of
from tasks.drift.tallies import tally_of


def compare_frames(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    schema: Schema,
    settings: Drift,
    *,
    seed: int,
    at: datetime,
    profile: ReferenceProfile | None = None,
) -> DriftFindings:
    """As an evaluation that keeps all its rows; without a profile one is fitted that has no null distribution."""
    fitted = profile or fit_profile(reference, schema, settings.handling, calibrate=False, seed=seed)
    counted = scan_frame(fitted, current)
    return measure_input_drift(reference, counted, current, fitted, schema, settings, seed=seed, at=at)


def schema_of(handlings):
    return Schema(
        tuple(Column(*feature) for feature in handlings.items()), "y", PredictionType.BINARY, ("no", "yes"), None
    )


def measure(handling, reference, *chunks):
    """The table of a column of which the current values come in chunks, of pandas or of Arrow."""
    tally = tally_of(fit_column("c", handling, pd.Series(reference)))
    for chunk in chunks:
        tally.add(chunk if isinstance(chunk, pd.Series | pa.Array | pa.ChunkedArray) else pd.Series(chunk))
    return table_of(measure_column(tally))
