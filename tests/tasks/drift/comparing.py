"""Input drift between two frames, as tests want it: in one call."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from governance.project_file import Drift
from tasks.data.schema import Schema
from tasks.drift.findings import DriftFindings, measure_input_drift
from tasks.drift.profile import ReferenceProfile, fit_profile
from tasks.drift.scan import scan_frame


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
