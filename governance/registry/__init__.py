"""The registry: projects, models, versions, and which version is active where."""

from governance.content import require_as_recorded
from governance.gate import verdicts
from governance.registry.activating import activate, note_refusal, roll_back
from governance.registry.browsing import REGISTRY, RegistryLine, list_registry
from governance.registry.declaring import register_project
from governance.registry.finding import (
    active_revision,
    active_versions,
    find_environment,
    find_model,
    find_project,
    find_version,
    list_environments,
    list_projects,
    list_versions,
)
from governance.registry.overriding import (
    confirm_override,
    find_override,
    list_overrides,
    note_refused_confirmation,
    request_override,
    review_override,
)
from governance.registry.policies import set_policy
from governance.registry.recording import bring_version, note_scoring, record_version

__all__ = [
    "REGISTRY",
    "RegistryLine",
    "activate",
    "active_revision",
    "active_versions",
    "bring_version",
    "confirm_override",
    "find_environment",
    "find_model",
    "find_override",
    "find_project",
    "find_version",
    "list_environments",
    "list_overrides",
    "list_projects",
    "list_registry",
    "list_versions",
    "note_refusal",
    "note_refused_confirmation",
    "note_scoring",
    "record_version",
    "register_project",
    "request_override",
    "require_as_recorded",
    "review_override",
    "roll_back",
    "set_policy",
    "verdicts",
]
