"""The table of the workflow: what can be done to a step. Commands, messages and tests all come from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from governance.vocabulary import SignOffStatus, StepStatus


class StepAction(StrEnum):
    """Everything that can be done to a step."""

    FINISH = "finish"
    SKIP = "skip"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a guard may ask about.

    Args:
        missing: Names of the required fields of the step that are empty.
        unfit: Why a field of the step holds what its template does not allow any more, each in a clause.
        needs_approval: Whether the step is the one that carries a mandatory sign-off, or comes after it.
        sign_off: Status of the sign-off; none where there is none.
        expired: Whether its approval has expired.
        earlier: Name of an earlier step that is not done; none when all are.
    """

    missing: tuple[str, ...] = ()
    unfit: tuple[str, ...] = ()
    needs_approval: bool = False
    sign_off: SignOffStatus | None = None
    expired: bool = False
    earlier: str | None = None


Guard = Callable[[Situation], tuple[str, ...]]
"""A condition: the reasons against the move, each in a clause; empty when there are none."""


def required_filled(situation: Situation) -> tuple[str, ...]:
    """Every required field is filled in, and every field holds what it may."""
    return (*(f"the field {name!r} is required and empty" for name in situation.missing), *situation.unfit)


def sign_off_approved(situation: Situation) -> tuple[str, ...]:
    """A mandatory sign-off is passed with an approval only: its own step, and every step after it."""
    if not situation.needs_approval:
        return ()
    if situation.sign_off is not SignOffStatus.APPROVED:
        return (f"the sign-off is mandatory, and it is {situation.sign_off}, not APPROVED",)
    return ("the sign-off is mandatory, and its approval has expired",) if situation.expired else ()


def earlier_done(situation: Situation) -> tuple[str, ...]:
    """The steps before are done."""
    return () if situation.earlier is None else (f"the step {situation.earlier!r} comes first, and it is not done",)


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table.

    Args:
        to: The status afterwards.
        guards: What must hold; besides, the actor writes on the project and the item is governed and not locked.
    """

    to: StepStatus
    guards: tuple[Guard, ...] = ()


# fmt: off
RULES: Final[Mapping[tuple[StepStatus, StepAction], Rule]] = MappingProxyType({
    (StepStatus.ONGOING,  StepAction.FINISH): Rule(StepStatus.FINISHED, (required_filled, sign_off_approved)),
    (StepStatus.ONGOING,  StepAction.SKIP):   Rule(StepStatus.SKIPPED, (sign_off_approved,)),
    (StepStatus.FINISHED, StepAction.REOPEN): Rule(StepStatus.ONGOING, (earlier_done,)),
    (StepStatus.SKIPPED,  StepAction.REOPEN): Rule(StepStatus.ONGOING, (earlier_done,)),
})
# fmt: on
"""Every move there is. A pair that is absent is forbidden.

Finishing or skipping a step starts the next one. Reopening one takes all after it back to NOT_STARTED, since they rest
on it and have to be gone through again; what was written into their fields stays.
"""

DONE: Final = frozenset({StepStatus.FINISHED, StepStatus.SKIPPED})
"""Statuses in which a step is behind its item."""
