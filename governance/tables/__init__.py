"""The tables, one file per subject. Rows are the domain: no second set of classes mirrors them."""

from governance.tables.audit import AuditEvent, AuditHead
from governance.tables.checks import CheckResult
from governance.tables.evaluations import METRICS_LONG, Evaluation, Metric, StoreRow
from governance.tables.items import Attachment, Bundle, Item, ItemField, ItemStep, Subscription, Template
from governance.tables.notices import Notice, RepeatedRequest
from governance.tables.people import ApiToken, Assignment, LogIn, LogInAttempt, Membership, User, UserGroup
from governance.tables.projects import (
    Activation,
    ActiveVersion,
    EnvironmentRow,
    ModelRow,
    ModelVersion,
    ProjectRow,
)
from governance.tables.scenarios import Incident, Report, ScenarioRun, StepEffect, StepRun, TriggerState
from governance.tables.signoffs import Delegation, Feedback, FinalApproval, Override, SignOff

__all__ = [
    "METRICS_LONG",
    "Activation",
    "ActiveVersion",
    "ApiToken",
    "Assignment",
    "Attachment",
    "AuditEvent",
    "AuditHead",
    "Bundle",
    "CheckResult",
    "Delegation",
    "EnvironmentRow",
    "Evaluation",
    "Feedback",
    "FinalApproval",
    "Incident",
    "Item",
    "ItemField",
    "ItemStep",
    "LogIn",
    "LogInAttempt",
    "Membership",
    "Metric",
    "ModelRow",
    "ModelVersion",
    "Notice",
    "Override",
    "ProjectRow",
    "RepeatedRequest",
    "Report",
    "ScenarioRun",
    "SignOff",
    "StepEffect",
    "StepRun",
    "StoreRow",
    "Subscription",
    "Template",
    "TriggerState",
    "User",
    "UserGroup",
]
