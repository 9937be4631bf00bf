"""The registry: projects, models, versions, and which version is active where."""

from governance.registry.activating import activate, activations, active_version, note_refusal, roll_back
from governance.registry.declaring import register_project
from governance.registry.finding import (
    active_versions,
    find_environment,
    find_model,
    find_project,
    find_version,
    list_versions,
    path_of,
)
from governance.registry.recording import ARTIFACT_FILE, record_version

__all__ = [
    "ARTIFACT_FILE",
    "activate",
    "activations",
    "active_version",
    "active_versions",
    "find_environment",
    "find_model",
    "find_project",
    "find_version",
    "list_versions",
    "note_refusal",
    "path_of",
    "record_version",
    "register_project",
    "roll_back",
]
