"""``project.yaml`` as classes: what is watched, and how. Every error names file, line, field and remedy."""

from __future__ import annotations

from governance.project_file.checks import AnyCheck, Compare, InSet, NumericRange, PythonCheck, TypicalRange
from governance.project_file.models import ActivationSettings, CostMatrix, DataSource, Features, ModelSettings, Split
from governance.project_file.names import means_a_bundle
from governance.project_file.project import EnvironmentSettings, People, Project
from governance.project_file.reading import FILE_NAME, declares, examine, find_file, load_project, parse_project
from governance.project_file.reporters import Channel, Reporter
from governance.project_file.scenarios import Scenario, Value
from governance.project_file.section import Key, Label, Section
from governance.project_file.steps import (
    Activate,
    AnyStep,
    BuildEvaluation,
    Condition,
    ExportDocument,
    Notify,
    OutcomeIs,
    PythonStep,
    RequestSignOff,
    RunChecks,
    RunScenario,
    Score,
    SqlStep,
    Step,
    Train,
)
from governance.project_file.triggers import AfterScenario, AnyTrigger, DatasetChange, Schedule, SqlChange
from governance.project_file.watched import (
    Drift,
    Fairness,
    FalseAlarmRate,
    RowCondition,
    Sampling,
    Segmentation,
    Standalone,
    Store,
)

__all__ = [
    "FILE_NAME",
    "Activate",
    "ActivationSettings",
    "AfterScenario",
    "AnyCheck",
    "AnyStep",
    "AnyTrigger",
    "BuildEvaluation",
    "Channel",
    "Compare",
    "Condition",
    "CostMatrix",
    "DataSource",
    "DatasetChange",
    "Drift",
    "EnvironmentSettings",
    "ExportDocument",
    "Fairness",
    "FalseAlarmRate",
    "Features",
    "InSet",
    "Key",
    "Label",
    "ModelSettings",
    "Notify",
    "NumericRange",
    "OutcomeIs",
    "People",
    "Project",
    "PythonCheck",
    "PythonStep",
    "Reporter",
    "RequestSignOff",
    "RowCondition",
    "RunChecks",
    "RunScenario",
    "Sampling",
    "Scenario",
    "Schedule",
    "Score",
    "Section",
    "Segmentation",
    "Split",
    "SqlChange",
    "SqlStep",
    "Standalone",
    "Step",
    "Store",
    "Train",
    "TypicalRange",
    "Value",
    "declares",
    "examine",
    "find_file",
    "load_project",
    "means_a_bundle",
    "parse_project",
]
