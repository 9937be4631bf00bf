"""What a check found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from governance.vocabulary import CheckOutcome, EmptyPolicy


@dataclass(frozen=True, slots=True)
class Finding:
    """One outcome of one check, with the value and the bounds that held.

    Args:
        name: Of the check, as people read it.
        type: Kind of the check.
        metric: The metric it looked at; empty where it looked at all of them.
        outcome: ``OK``, ``WARNING``, ``ERROR`` or ``EMPTY``.
        value: Of the metric; ``None`` when it has none.
        bounds: What the value was held against, JSON-able: bounds by their names, or what else the kind of check has.
        message: One clause that says why.
        empty: What ``EMPTY`` does to the step.
    """

    name: str
    type: str
    metric: str
    outcome: CheckOutcome
    value: float | None
    bounds: Mapping[str, Any]
    message: str
    empty: EmptyPolicy


def bounds_in_words(bounds: Mapping[str, Any]) -> str:
    """What a value was held against, on one line, whichever kind of check it was.

    Example:
        >>> bounds_in_words({"soft_maximum": 0.3, "maximum": 0.4})
        'soft maximum 0.3, maximum 0.4'
        >>> bounds_in_words({"values": [0.0, 1.0]}), bounds_in_words({"operator": ">=", "other": 0.81})
        ('values 0 or 1', 'operator >=, other 0.81')
    """
    return ", ".join(f"{name.replace('_', ' ')} {_shown(value)}" for name, value in bounds.items() if value is not None)


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " or ".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
