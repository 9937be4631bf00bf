"""What a document is made from: plain data, collected from the record by somebody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.vocabulary import Measurement


@dataclass(frozen=True, slots=True)
class Judged:
    """One evaluation of the version.

    Args:
        id: In the record.
        name: As people read it.
        store: Where it is.
        data: What was judged.
        at: When.
        rows: Rows of the data.
        sampled_rows: Rows that were judged.
        metrics: By name, those that a document shows.
        checks: Name and outcome of each check that was held against it.
    """

    id: str
    name: str
    store: str
    data: str
    at: datetime
    rows: int
    sampled_rows: int
    metrics: Mapping[str, Measurement]
    checks: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """One model version, and all that is on record of it.

    Args:
        project: Its name.
        description: Of the project.
        model: Its name.
        version: Its number.
        metric_to_focus: That people look at first.
        manifest: What the version consists of.
        manifest_digest: SHA-256 of it, which a sign-off approves.
        measurements: On the test part.
        diagnostics: Name and message of each.
        importances: Share of each feature, 0 to 1.
        thresholds: As :func:`tasks.metrics.threshold_table.threshold_table` gives them; none of other than two classes.
        reference_rows: Rows that later data are compared with.
        trained_by: Who.
        trained_at: When.
        active_in: Environments.
        evaluations: Of this version, the oldest first.
        earlier_evaluations: How many more there are, which are left out.
        sign_off: As :func:`governance.signoff.show` gives it.
        activations: When, where, by whom, instead of which version, and what the gate said; the oldest first.
        written_at: This moment.
    """

    project: str
    description: str
    model: str
    version: int
    metric_to_focus: str
    manifest: Mapping[str, Any]
    manifest_digest: str
    measurements: Sequence[Measurement]
    diagnostics: Sequence[Mapping[str, Any]]
    importances: Mapping[str, float]
    thresholds: Sequence[Mapping[str, Any]]
    reference_rows: int
    trained_by: str
    trained_at: datetime
    active_in: Sequence[str]
    evaluations: Sequence[Judged]
    earlier_evaluations: int
    sign_off: Mapping[str, Any]
    activations: Sequence[Mapping[str, Any]]
    written_at: datetime
