"""The tables, one file per subject. Rows are the domain: no second set of classes mirrors them."""

from governance.tables.audit import AuditEvent
from governance.tables.checks import CheckResult
from governance.tables.evaluations import METRICS_LONG, Evaluation, Metric, StoreRow
from governance.tables.people import Assignment, Role
from governance.tables.projects import (
    Activation,
    ActiveVersion,
    EnvironmentRow,
    ModelRow,
    ModelVersion,
    ProjectRow,
)
from governance.tables.scenarios import ScenarioRun, StepRun
from governance.tables.signoffs import Feedback, FinalApproval, SignOff

__all__ = [
    "METRICS_LONG",
    "Activation",
    "ActiveVersion",
    "Assignment",
    "AuditEvent",
    "CheckResult",
    "EnvironmentRow",
    "Evaluation",
    "Feedback",
    "FinalApproval",
    "Metric",
    "ModelRow",
    "ModelVersion",
    "ProjectRow",
    "Role",
    "ScenarioRun",
    "SignOff",
    "StepRun",
    "StoreRow",
]
