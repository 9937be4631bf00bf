"""The audit trail: what happened, in a chain that shows whether anybody has touched it."""

from governance.audit.trail import SYSTEM, Actor, Tag, count_events, note

__all__ = ["SYSTEM", "Actor", "Tag", "count_events", "note"]
