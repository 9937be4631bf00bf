"""The sign-off of a version as people look at it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from governance import gate
from governance.audit import Actor, Tag
from governance.people import recorded_places
from governance.signoff.conditions import Situation
from governance.signoff.delegating import delegations_of, standing_on
from governance.signoff.rules import RULES, actions_from
from governance.tables import AuditEvent, Feedback, FinalApproval, Item, SignOff
from governance.tables.columns import key_of
from governance.vocabulary import FeedbackVerdict, Role
from governance.vocabulary import SignOffAction as Action
from governance.vocabulary import SignOffStatus as Status


def allowed_actions(session: Session, item: Item, actor: Actor, *, at: datetime) -> list[Action]:
    """What the table, the roles and the guards let somebody do then; files are hashed only when it is done."""
    sign_off = session.get_one(SignOff, key_of(item), populate_existing=True)
    rules = gate.rules_of(session, item, sign_off)
    standing = standing_on(session, item, rules, actor)
    duties = gate.duties_against(session, item, sign_off, actor.name)
    expired = gate.expired(session, sign_off, at)
    approval = gate.current_approval(session, sign_off)
    groups = sorted(standing.groups)
    own = [row for row in _feedback(session, sign_off.item_id) if row.round == sign_off.round]
    spoken_of: dict[Action, list[tuple[str | None, str | None]]] = {
        Action.ADD_FEEDBACK: [(None, group) for group in groups],
        Action.EDIT_FEEDBACK: [(row.author, row.group) for row in own],
        Action.DELETE_FEEDBACK: [(row.author, row.group) for row in own],
    }

    def may(action: Action) -> bool:
        rule = RULES[sign_off.status, action]
        about = spoken_of.get(action, [(approval.author if approval else None, None)])
        situations = [
            Situation(
                actor=actor,
                standing=standing,
                author=author,
                group=group,
                verdict=FeedbackVerdict.APPROVED,
                rules=rules,
                duties=duties,
                expired=expired,
                strangers=(),
                heard=frozenset(row.group for row in own),
                content=lambda: gate.Content(""),
            )
            for author, group in about
        ]
        return any(rule.who.holds(one) and not any(guard(one) for guard in rule.guards) for one in situations)

    return [action for action in actions_from(sign_off.status) if may(action)]


def status_of(session: Session, item: Item) -> Status:
    """Where the sign-off of a version or a bundle stands."""
    return session.get_one(SignOff, key_of(item), populate_existing=True).status


def show(session: Session, item: Item) -> dict[str, Any]:
    """Everything about the sign-off of a version or a bundle, with its history.

    Returns:
        ``path``, ``status``, ``revision``, ``round``, ``requested_by``, ``notified``, ``changed_at``, ``approved_until``,
        ``content_digest``, ``rules``, ``people``, ``delegations``, ``possible`` (action, status afterwards, who),
        ``feedback`` and ``final_approval`` of this round, ``history`` (the same for each earlier round, latest first,
        with the ``status`` at its end, and who it was ``requested_by``) and ``moves`` (when, who, what, comment; oldest first).
    """
    sign_off = session.get_one(SignOff, key_of(item), populate_existing=True)
    feedback = _feedback(session, sign_off.item_id)
    approvals = session.exec(select(FinalApproval).where(FinalApproval.item_id == sign_off.item_id)).all()

    events = _events(session, item.path)

    def said_in(round_: int) -> dict[str, Any]:
        return {
            "feedback": [_row(row) for row in feedback if row.round == round_],
            "final_approval": next((_row(row) for row in approvals if row.round == round_), None),
        }

    return {
        "path": item.path,
        **sign_off.model_dump(include={"status", "revision", "round", "requested_by", "notified", "changed_at"}),
        "approved_until": sign_off.approved_until if sign_off.status is Status.APPROVED else None,
        "content_digest": gate.signed(session, item).manifest_digest,
        "rules": gate.rules_of(session, item, sign_off).model_dump(mode="json"),
        "people": _people(session, item.project_id),
        "delegations": [row.model_dump(exclude={"item_id"}) for row in delegations_of(session, item)],
        "possible": [
            {"action": action, "to": str(rule.to.value), "who": rule.who.name}
            for (status, action), rule in RULES.items()
            if status is sign_off.status
        ],
        **said_in(sign_off.round),
        "history": [
            {"round": number, **_ended(events, number), **said_in(number)}
            for number in range(sign_off.round - 1, 0, -1)
        ],
        "moves": [_move(event) for event in events],
    }


def _feedback(session: Session, item_id: int) -> list[Feedback]:
    return list(session.exec(select(Feedback).where(Feedback.item_id == item_id).order_by(col(Feedback.id))))


def _row(row: Feedback | FinalApproval) -> dict[str, Any]:
    return row.model_dump(exclude={"item_id", "round"})


def _people(session: Session, project_id: int) -> dict[str, Any]:
    places = sorted(recorded_places(session, project_id))
    return {
        "writers": [person for person, role, _ in places if role is Role.CONTRIBUTOR],
        "reviewers": {
            group: [person for person, _, theirs in places if theirs == group]
            for group in sorted({group for _, role, group in places if role is Role.REVIEWER})
        },
        "final_approvers": [person for person, role, _ in places if role is Role.APPROVER],
    }


def _events(session: Session, subject: str) -> Sequence[AuditEvent]:
    ours = select(AuditEvent).where(AuditEvent.subject == subject, col(AuditEvent.tag).startswith("sign_off:"))
    return session.exec(ours.order_by(col(AuditEvent.id))).all()


def _ended(events: Sequence[AuditEvent], number: int) -> dict[str, Any]:
    """Where a round stood when it ended, and who had asked for it: a reset takes both from the sign-off itself."""
    befores = [event.before for event in events if event.before and event.before.get("round") == number]
    asked = [
        event.actor
        for event in events
        if event.tag in {Tag.SIGN_OFF_REQUEST_FEEDBACK, Tag.SIGN_OFF_REQUEST_APPROVAL}
        and (event.before or {}).get("round") == number
    ]
    return {"status": befores[-1]["status"] if befores else None, "requested_by": list(dict.fromkeys(asked))}


def _move(event: AuditEvent) -> dict[str, Any]:
    before, after = event.before or {}, event.after or {}
    return {
        "at": event.at,
        "actor": event.actor,
        "action": event.tag.partition(":")[2],
        "from": before.get("status"),
        "to": after.get("status"),
        "comment": after.get("comment"),
    }
