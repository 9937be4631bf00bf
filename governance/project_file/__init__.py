"""``project.yaml`` as classes: what is watched, and how. Every error names file, line, field and remedy."""

from __future__ import annotations

from governance.project_file.models import CostMatrix, DataSource, Features, ModelSettings, Split
from governance.project_file.names import means_a_bundle
from governance.project_file.project import EnvironmentSettings, People, Project
from governance.project_file.reading import FILE_NAME, declares, examine, find_file, load_project, parse_project
from governance.project_file.scenarios import (
    Activate,
    AnyStep,
    BuildEvaluation,
    OutcomeIs,
    RequestSignOff,
    RunChecks,
    Scenario,
    Schedule,
    Step,
    Train,
)
from governance.project_file.section import Key, Label, Section
from governance.project_file.watched import (
    Drift,
    Fairness,
    FalseAlarmRate,
    NumericRange,
    RowCondition,
    Sampling,
    Segmentation,
    Standalone,
    Store,
)

__all__ = [
    "FILE_NAME",
    "Activate",
    "AnyStep",
    "BuildEvaluation",
    "CostMatrix",
    "DataSource",
    "Drift",
    "EnvironmentSettings",
    "Fairness",
    "FalseAlarmRate",
    "Features",
    "Key",
    "Label",
    "ModelSettings",
    "NumericRange",
    "OutcomeIs",
    "People",
    "Project",
    "RequestSignOff",
    "RowCondition",
    "RunChecks",
    "Sampling",
    "Scenario",
    "Schedule",
    "Section",
    "Segmentation",
    "Split",
    "Standalone",
    "Step",
    "Store",
    "Train",
    "declares",
    "examine",
    "find_file",
    "load_project",
    "means_a_bundle",
    "parse_project",
]
