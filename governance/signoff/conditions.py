"""Who may move a sign-off, and under which conditions: predicates on a :class:`Situation`, for the table to name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from governance.audit import Actor
from governance.authorisation import Standing
from governance.gate import Content
from governance.templates import SignOffRules
from governance.vocabulary import FeedbackVerdict, Origin, Right, Role


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a role or a guard may ask about.

    Args:
        actor: Who wants to move.
        standing: What the actor is on the project, and on this item as a delegate.
        author: Of the feedback or the approval that the move is about; none when there is none.
        group: Feedback group that the move is about.
        verdict: What the actor thinks, for feedback.
        rules: Of this sign-off.
        duties: Why the actor may not approve where duties are separated; empty when they are not.
        expired: That the time of this round's approval is over; empty when it is not.
        strangers: Of those whom a request wants to tell: names of nobody who may read the project.
        heard: The feedback groups that have spoken in this round.
        content: What is signed consists of now; hashes files, so asked only when a guard must know.
    """

    actor: Actor
    standing: Standing
    author: str | None
    group: str | None
    verdict: FeedbackVerdict | None
    rules: SignOffRules
    duties: tuple[str, ...]
    expired: tuple[str, ...]
    strangers: tuple[str, ...]
    heard: frozenset[str]
    content: Callable[[], Content]


@dataclass(frozen=True, slots=True)
class Who:
    """A kind of person. ``a | b``: either; ``a & b``: both at once.

    Args:
        name: In pictures and lists.
        sentence: After "is not", with where people are given the role.
        holds: Whether the actor of a situation is one.
    """

    name: str
    sentence: str
    holds: Callable[[Situation], bool]

    def __or__(self, other: Who) -> Who:
        return Who(
            f"{self.name} or {other.name}",
            f"{self.sentence} or {other.sentence}",
            lambda situation: self.holds(situation) or other.holds(situation),
        )

    def __and__(self, other: Who) -> Who:
        return Who(
            f"{self.name} and {other.name}",
            f"{self.sentence} and {other.sentence}",
            lambda situation: self.holds(situation) and other.holds(situation),
        )


Writer = Who(
    "writer",
    "a writer (people.writers in project.yaml)",
    lambda situation: Right.WRITE in situation.standing.rights,
)
FinalApprover = Who(
    "final approver",
    "a final approver (people.final_approvers in project.yaml)",
    lambda situation: Role.APPROVER in situation.standing.roles,
)
MemberOfGroup = Who(
    "member of the group",
    "a member of the feedback group (people.reviewers in project.yaml)",
    lambda situation: (
        situation.group in situation.standing.groups if situation.group else bool(situation.standing.groups)
    ),
)
Author = Who("author", "its author", lambda situation: situation.author == situation.actor.name)
System = Who("system", "the system", lambda situation: situation.actor.origin is Origin.SYSTEM)

Guard = Callable[[Situation], tuple[str, ...]]
"""A condition: the reasons against the move, each in a clause; empty when there are none."""


def separation_of_duties(situation: Situation) -> tuple[str, ...]:
    """Where the rules ask for it, who trained the version or asked for a sign-off of it does not approve it."""
    return situation.duties


def not_expired(situation: Situation) -> tuple[str, ...]:
    """An approval holds from the first one of its round on: editing it, or giving it again, wins no time."""
    return tuple(f"{clause}: a new one takes a new round, so reset the sign-off" for clause in situation.expired)


def content_unchanged(situation: Situation) -> tuple[str, ...]:
    """What is approved is byte for byte what was recorded."""
    return situation.content().differences


def recipients_known(situation: Situation) -> tuple[str, ...]:
    """Whom a request tells can be told."""
    return tuple(
        f"{name}, who is to be told, is no active user who may read the project" for name in situation.strangers
    )


def required_feedback_given(situation: Situation) -> tuple[str, ...]:
    """The groups that must be heard have spoken. What they said is for the approver to weigh."""
    missing = [group for group in situation.rules.required_feedback if group not in situation.heard]
    return (f"no feedback of {', '.join(missing)} yet, which the template requires",) if missing else ()


def group_asked(situation: Situation) -> tuple[str, ...]:
    """Feedback is of a group that this sign-off asks."""
    asked = situation.rules.feedback_groups
    if asked and situation.group and situation.group not in asked:
        return (f"this sign-off does not ask {situation.group}: it asks {', '.join(asked)}",)
    return ()


def group_named(situation: Situation) -> tuple[str, ...]:
    """Feedback speaks for one group; who is in several says for which."""
    if situation.standing.groups and not situation.group:
        return (f"no feedback group is named: name one of {', '.join(sorted(situation.standing.groups))}",)
    return ()


def verdict_given(situation: Situation) -> tuple[str, ...]:
    """Feedback says what its author thinks."""
    if situation.verdict is None:
        return (f"the feedback has no verdict: give one of {', '.join(FeedbackVerdict)}",)
    return ()
