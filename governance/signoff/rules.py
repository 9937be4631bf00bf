"""The table of the sign-off. Commands, messages, the picture in the README and the tests all come from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from governance.signoff.conditions import (
    Author,
    FinalApprover,
    Guard,
    MemberOfGroup,
    System,
    Who,
    Writer,
    content_unchanged,
    group_asked,
    group_named,
    not_expired,
    recipients_known,
    required_feedback_given,
    separation_of_duties,
    verdict_given,
)
from governance.vocabulary import SignOffAction as Action
from governance.vocabulary import SignOffStatus as Status


class Remembered(Enum):
    """Where a move leads when the table alone can't say."""

    STATUS_BEFORE = "the status before"


STATUS_BEFORE: Final = Remembered.STATUS_BEFORE


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table.

    Args:
        to: The status afterwards.
        who: May do it.
        guards: What must hold besides.
    """

    to: Status | Remembered
    who: Who
    guards: tuple[Guard, ...] = ()


NOT_STARTED: Final = Status.NOT_STARTED
WAITING_FOR_FEEDBACK: Final = Status.WAITING_FOR_FEEDBACK
WAITING_FOR_APPROVAL: Final = Status.WAITING_FOR_APPROVAL
APPROVED: Final = Status.APPROVED
REJECTED: Final = Status.REJECTED
ABANDONED: Final = Status.ABANDONED

ASKING: Final = (recipients_known,)
SPEAKING: Final = (group_named, group_asked, verdict_given)
APPROVING: Final = (separation_of_duties, required_feedback_given, not_expired, content_unchanged)

# fmt: off
RULES: Final[Mapping[tuple[Status, Action], Rule]] = MappingProxyType({
    (NOT_STARTED,          Action.REQUEST_FEEDBACK): Rule(WAITING_FOR_FEEDBACK, Writer, ASKING),
    (NOT_STARTED,          Action.REQUEST_APPROVAL): Rule(WAITING_FOR_APPROVAL, Writer, ASKING),
    (NOT_STARTED,          Action.ABANDON):          Rule(ABANDONED, FinalApprover | Writer),

    (WAITING_FOR_FEEDBACK, Action.ADD_FEEDBACK):     Rule(WAITING_FOR_FEEDBACK, MemberOfGroup, SPEAKING),
    (WAITING_FOR_FEEDBACK, Action.EDIT_FEEDBACK):    Rule(WAITING_FOR_FEEDBACK, Author & MemberOfGroup),
    (WAITING_FOR_FEEDBACK, Action.DELETE_FEEDBACK):  Rule(WAITING_FOR_FEEDBACK, Author & MemberOfGroup),
    (WAITING_FOR_FEEDBACK, Action.REQUEST_APPROVAL): Rule(WAITING_FOR_APPROVAL, Writer, ASKING),
    (WAITING_FOR_FEEDBACK, Action.ABANDON):          Rule(ABANDONED, FinalApprover | Writer),

    (WAITING_FOR_APPROVAL, Action.BACK_TO_FEEDBACK): Rule(WAITING_FOR_FEEDBACK, FinalApprover | Writer),
    (WAITING_FOR_APPROVAL, Action.APPROVE):          Rule(APPROVED, FinalApprover, APPROVING),
    (WAITING_FOR_APPROVAL, Action.REJECT):           Rule(REJECTED, FinalApprover),
    (WAITING_FOR_APPROVAL, Action.ABANDON):          Rule(ABANDONED, FinalApprover | Writer),

    (APPROVED,             Action.EDIT_TO_APPROVED): Rule(APPROVED, Author & FinalApprover, APPROVING),
    (APPROVED,             Action.EDIT_TO_REJECTED): Rule(REJECTED, Author & FinalApprover),
    (APPROVED,             Action.DELETE_APPROVAL):  Rule(WAITING_FOR_APPROVAL, Author & FinalApprover),
    (APPROVED,             Action.ABANDON):          Rule(ABANDONED, FinalApprover | Writer),
    (APPROVED,             Action.RESET):            Rule(NOT_STARTED, Writer),
    (APPROVED,             Action.RECUR):            Rule(NOT_STARTED, System),

    (REJECTED,             Action.EDIT_TO_APPROVED): Rule(APPROVED, Author & FinalApprover, APPROVING),
    (REJECTED,             Action.EDIT_TO_REJECTED): Rule(REJECTED, Author & FinalApprover),
    (REJECTED,             Action.DELETE_APPROVAL):  Rule(WAITING_FOR_APPROVAL, Author & FinalApprover),
    (REJECTED,             Action.ABANDON):          Rule(ABANDONED, FinalApprover | Writer),
    (REJECTED,             Action.RESET):            Rule(NOT_STARTED, Writer),

    (ABANDONED,            Action.CANCEL_ABANDON):   Rule(STATUS_BEFORE, FinalApprover | Writer),
    (ABANDONED,            Action.RESET):            Rule(NOT_STARTED, Writer),
})
# fmt: on
"""Every move there is. A pair that is absent is forbidden."""


def actions_from(status: Status) -> list[Action]:
    """What the table knows to do in a status, whoever does it."""
    return [action for before, action in RULES if before is status]


def transition_diagram() -> str:
    """The table as a Mermaid state diagram, for the README.

    Example:
        >>> print(transition_diagram().splitlines()[2])
            NOT_STARTED --> WAITING_FOR_FEEDBACK: request_feedback (writer)
    """
    return "\n".join(["stateDiagram-v2", f"    [*] --> {NOT_STARTED}", *_arrows()]) + "\n"


def _arrows() -> Iterator[str]:
    for (status, action), rule in RULES.items():
        label = f"{action} ({rule.who.name})"
        if isinstance(rule.to, Status):
            yield f"    {status} --> {rule.to}: {label}"
            continue
        for (before, _), leading in RULES.items():
            if leading.to is status:
                yield f"    {status} --> {before}: {label}"
