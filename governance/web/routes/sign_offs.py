"""Sign-offs: where each stands, one route per action of the table, who stands in for whom, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from pydantic import Field
from sqlmodel import col, select

from governance import signoff
from governance.listing import Listing, Page
from governance.tables import Delegation, Subscription
from governance.vocabulary import FeedbackVerdict, Role, SignOffAction, SignOffStatus
from governance.web.documents import Line, Sent, Text, Told, example
from governance.web.parameters import Wanted
from governance.web.routing import Act, Routes
from governance.web.visible import Number, visible_item, visible_signed

ROUTES: Final = Routes("sign-offs", "The review of a version or a bundle: feedback, then one final approval.")

DELEGATIONS: Final = Listing(
    {
        "id": col(Delegation.id),
        "person": col(Delegation.person),
        "role": col(Delegation.role),
        "group": col(Delegation.group),
        "delegate": col(Delegation.delegate),
    },
    key=col(Delegation.id),
    default_sort="id",
)
SUBSCRIPTIONS: Final = Listing(
    {"person": col(Subscription.person)}, key=col(Subscription.person), default_sort="person"
)

OF_THE_SYSTEM: Final = frozenset({SignOffAction.RECUR})
"""Actions that nobody may ask for."""


class FeedbackTold(Told):
    """What one reviewer said."""

    id: int
    group: str
    author: str
    verdict: FeedbackVerdict
    comment: str
    created_at: datetime
    edited_at: datetime | None


class FinalApprovalTold(Told):
    """The one decision that the gate reads."""

    id: int
    author: str
    verdict: SignOffStatus
    comment: str
    content_digest: str
    created_at: datetime
    edited_at: datetime | None


class DelegationTold(Told):
    """Somebody who may review or approve in somebody's place."""

    id: int
    person: str
    role: Role
    group: str
    delegate: str
    created_at: datetime


class PossibleTold(Told):
    """A move that the table has from here."""

    action: SignOffAction
    to: str
    who: str


class SignOffTold(Told):
    """Everything about a sign-off, with its history."""

    path: str
    status: SignOffStatus
    revision: int
    round: int
    requested_by: list[str]
    notified: list[str]
    changed_at: datetime
    approved_until: datetime | None
    content_digest: str
    rules: dict[str, Any]
    people: dict[str, Any]
    delegations: list[DelegationTold]
    possible: list[PossibleTold]
    allowed: list[SignOffAction] = Field(description="What you may do now.")
    feedback: list[FeedbackTold]
    final_approval: FinalApprovalTold | None
    history: list[dict[str, Any]]
    moves: list[dict[str, Any]]


class MoveSent(Sent):
    """What goes with an action; each takes what it has use for."""

    model_config = example(comment="Looks right.")

    comment: Text | None = Field(default=None, description="Edits: none leaves it as it is.")
    group: Line | None = Field(default=None, description="Feedback group to speak for, if you are in several.")
    verdict: FeedbackVerdict | None = Field(default=None, description="Of feedback.")
    feedback: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Which feedback to edit or delete.")
    notify: list[Line] = Field(default=[], max_length=100, description="Whom a request tells; possibly nobody.")
    reload_configuration: bool = Field(default=False, description="Of a reset: take the template's rules again.")


class DelegationSent(Sent):
    """Whose place is given to whom."""

    model_config = example(role="approver", to="flora")

    role: Role
    to: Line
    group: Line = Field(default="", description="Feedback group of a reviewer.")
    person: Line | None = Field(default=None, description="Whose place; default: your own.")


class SubscriptionSent(Sent):
    """Who is told."""

    model_config = example(person="rosa")

    person: Line | None = Field(default=None, description="Default: you.")


class SubscriptionTold(Told):
    """Somebody who is told about every change of status."""

    person: str


@ROUTES.reads("/items/{item}/sign-off", SignOffTold)
def show_sign_off(act: Act, item: Number) -> dict[str, Any]:
    """Where the review of a version or a bundle stands."""
    return _told(act, item)


def _move(action: SignOffAction) -> Callable[[Act, Number, MoveSent], dict[str, Any]]:
    def move(act: Act, item: Number, body: MoveSent) -> dict[str, Any]:
        request = signoff.Request(
            visible_signed(act, item),
            action,
            act.actor,
            comment=body.comment,
            group=body.group,
            verdict=body.verdict,
            feedback_id=body.feedback,
            notify=tuple(body.notify),
            reload_configuration=body.reload_configuration,
            expected_revision=act.expected_revision,
        )
        signoff.sign(act.session, request, artifacts=act.house.artifacts, at=act.at)
        return _told(act, item)

    move.__name__ = f"sign_off_{action}"
    ways = [f"{before} ({rule.who.name})" for (before, known), rule in signoff.RULES.items() if known is action]
    move.__doc__ = f"Possible while the sign-off is {', '.join(ways)}."
    return move


for _action in SignOffAction:
    if _action not in OF_THE_SYSTEM:
        ROUTES.makes(f"/items/{{item}}/sign-off/{_action}", SignOffTold, conditional=True)(_move(_action))


@ROUTES.lists("/items/{item}/delegations", DELEGATIONS, DelegationTold)
def list_delegations(act: Act, item: Number, wanted: Wanted) -> Page[Delegation]:
    """Who stands in for whom."""
    found = visible_item(act, item)
    return wanted.page(act.session, select(Delegation).where(Delegation.item_id == found.id), DELEGATIONS)


@ROUTES.makes("/items/{item}/delegations", DelegationTold)
def delegate(act: Act, item: Number, body: DelegationSent) -> Delegation:
    """Let somebody review, or approve, one item in somebody's place."""
    found = visible_signed(act, item)
    return signoff.delegate(
        act.session,
        found,
        role=body.role,
        group=body.group,
        to=body.to,
        person=body.person or act.actor.name,
        actor=act.actor,
        at=act.at,
    )


@ROUTES.changes("DELETE", "/items/{item}/delegations/{delegation}", None, locked=False)
def end_delegation(act: Act, item: Number, delegation: Number) -> None:
    """Take a place back, or give it back."""
    signoff.end_delegation(act.session, visible_signed(act, item), delegation, actor=act.actor, at=act.at)


@ROUTES.lists("/items/{item}/subscriptions", SUBSCRIPTIONS, SubscriptionTold)
def list_subscriptions(act: Act, item: Number, wanted: Wanted) -> Page[Subscription]:
    """Who is told about every change of the status of an item."""
    found = visible_item(act, item)
    return wanted.page(act.session, select(Subscription).where(Subscription.item_id == found.id), SUBSCRIPTIONS)


@ROUTES.makes("/items/{item}/subscriptions", SubscriptionTold)
def subscribe(act: Act, item: Number, body: SubscriptionSent) -> SubscriptionTold:
    """Have somebody told about every change of the status of an item."""
    person = body.person or act.actor.name
    signoff.subscribe(act.session, visible_item(act, item), person, actor=act.actor, at=act.at)
    return SubscriptionTold(person=person)


@ROUTES.changes("DELETE", "/items/{item}/subscriptions/{person}", None, locked=False)
def unsubscribe(act: Act, item: Number, person: str) -> None:
    """Have somebody told no more."""
    signoff.unsubscribe(act.session, visible_item(act, item), person, actor=act.actor, at=act.at)


def _told(act: Act, item: int) -> dict[str, Any]:
    found = visible_signed(act, item)
    allowed = signoff.allowed_actions(act.session, found, act.actor, at=act.at)
    return signoff.show(act.session, found) | {"allowed": allowed}
