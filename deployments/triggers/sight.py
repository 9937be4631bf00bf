"""What all triggers have in common: they look, and compare what they see with what was there before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from governance.artifacts import canonical_json

LABEL_LENGTH: Final = 180
"""Of what a trigger is called in the record, with room for the digest behind it."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One thing that was seen.

    Args:
        seen: JSON-able; what the next look is compared with.
        starts: Whether a run is due.
        parameters: What the run is told besides what triggered it.
    """

    seen: Mapping[str, Any]
    starts: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)


class Lookout(Protocol):
    """A trigger at work."""

    label: str
    """Kind, and what it looks at, as the run is told: ``dataset_change monthly``."""
    key: str
    """As the label, and told from every other one: by it the record knows again what this trigger saw."""
    every_seconds: float

    def look(self, before: Mapping[str, Any] | None) -> Iterable[Sight]:
        """What there is to see, in order; nothing when it is to be looked at again before anything is kept.

        Args:
            before: What was kept last; none: this is the first look, after which no run is due.
        """
        ...


def key_for(label: str, looks_at: Mapping[str, Any]) -> str:
    """What a trigger is called in the record; another one where it looks at something else.

    Example:
        >>> key_for("dataset_change monthly", {"path": "data/*.csv"})
        'dataset_change monthly 4219a091'
    """
    return f"{label[:LABEL_LENGTH]} {digest_of(looks_at)[:8]}"


def digest_of(value: Any) -> str:
    """SHA-256 of anything that fits into JSON, in hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
