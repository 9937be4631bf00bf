"""``project.yaml`` as classes: what is watched, and how. Every error names file, line, field and remedy."""

from __future__ import annotations

from governance.project_file.project import EnvironmentSettings, People, Project
from governance.project_file.reading import FILE_NAME, declares, examine, find_file, load_project
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
    DataSource,
    Drift,
    Features,
    ModelSettings,
    NumericRange,
    Sampling,
    Split,
    Store,
)

__all__ = [
    "FILE_NAME",
    "Activate",
    "AnyStep",
    "BuildEvaluation",
    "DataSource",
    "Drift",
    "EnvironmentSettings",
    "Features",
    "Key",
    "Label",
    "ModelSettings",
    "NumericRange",
    "OutcomeIs",
    "People",
    "Project",
    "RequestSignOff",
    "RunChecks",
    "Sampling",
    "Scenario",
    "Schedule",
    "Section",
    "Split",
    "Step",
    "Store",
    "Train",
    "declares",
    "examine",
    "find_file",
    "load_project",
]
