"""The audit trail: what happened, in a chain that shows whether anybody has touched it."""

from governance.audit.checking import Problem, Progress, Tampering, Verification
from governance.audit.exporting import Anchor, check_export, export, note_export, read_anchor
from governance.audit.finding import EVENTS, list_events
from governance.audit.trail import Tag, count_events, note
from governance.audit.verifying import verify
from governance.vocabulary import SYSTEM, Actor

__all__ = [
    "EVENTS",
    "SYSTEM",
    "Actor",
    "Anchor",
    "Problem",
    "Progress",
    "Tag",
    "Tampering",
    "Verification",
    "check_export",
    "count_events",
    "export",
    "list_events",
    "note",
    "note_export",
    "read_anchor",
    "verify",
]
