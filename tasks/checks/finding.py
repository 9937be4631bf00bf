"""What a check found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from governance.vocabulary import CheckOutcome, EmptyPolicy


@dataclass(frozen=True, slots=True)
class Finding:
    """One outcome of one check, with the value and the bounds that held.

    Args:
        name: Of the check, as people read it.
        type: Kind of the check.
        metric: The metric it looked at.
        outcome: ``OK``, ``WARNING``, ``ERROR`` or ``EMPTY``.
        value: Of the metric; ``None`` when ``EMPTY``.
        bounds: The bounds that are set, by their names.
        message: One clause that says why.
        empty: What ``EMPTY`` does to the step.
    """

    name: str
    type: str
    metric: str
    outcome: CheckOutcome
    value: float | None
    bounds: Mapping[str, float]
    message: str
    empty: EmptyPolicy
