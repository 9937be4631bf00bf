"""The registry: projects, models, versions, and which version is active where."""

from governance.gate import verdicts
from governance.registry.activating import activate, note_refusal, roll_back
from governance.registry.declaring import register_project
from governance.registry.finding import (
    active_versions,
    find_environment,
    find_model,
    find_project,
    find_version,
    list_projects,
    list_versions,
)
from governance.registry.overriding import (
    confirm_override,
    find_override,
    list_overrides,
    request_override,
    review_override,
)
from governance.registry.policies import set_policy
from governance.registry.recording import note_scoring, record_version

__all__ = [
    "activate",
    "active_versions",
    "confirm_override",
    "find_environment",
    "find_model",
    "find_override",
    "find_project",
    "find_version",
    "list_overrides",
    "list_projects",
    "list_versions",
    "note_refusal",
    "note_scoring",
    "record_version",
    "register_project",
    "request_override",
    "review_override",
    "roll_back",
    "set_policy",
    "verdicts",
]
