"""The sign-off of a version as people look at it."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from governance import gate
from governance.audit import Actor
from governance.people import recorded_places
from governance.signoff.conditions import Situation
from governance.signoff.delegating import delegations_of, standing_on
from governance.signoff.rules import RULES, actions_from
from governance.signoff.signing import signed
from governance.tables import AuditEvent, Feedback, FinalApproval, Item, SignOff
from governance.tables.columns import key_of
from governance.vocabulary import Role
from governance.vocabulary import SignOffAction as Action
from governance.vocabulary import SignOffStatus as Status


def allowed_actions(session: Session, item: Item, actor: Actor) -> list[Action]:
    """What the table and the roles let somebody do now. Guards are asked only when it is done."""
    sign_off = session.get_one(SignOff, key_of(item), populate_existing=True)
    rules = gate.rules_of(session, item, sign_off)
    standing = standing_on(session, item, rules, actor)
    made_by = gate.maker_of(signed(session, item))
    approval = gate.current_approval(session, sign_off)
    groups = sorted(standing.groups)
    own = [row for row in _feedback(session, sign_off.item_id) if row.round == sign_off.round]
    spoken_of: dict[Action, list[tuple[str | None, str | None]]] = {
        Action.ADD_FEEDBACK: [(None, group) for group in groups],
        Action.EDIT_FEEDBACK: [(row.author, row.group) for row in own],
        Action.DELETE_FEEDBACK: [(row.author, row.group) for row in own],
    }

    def may(action: Action) -> bool:
        who = RULES[sign_off.status, action].who
        about = spoken_of.get(action, [(approval.author if approval else None, None)])
        return any(
            who.holds(
                Situation(
                    actor=actor,
                    standing=standing,
                    author=author,
                    group=group,
                    verdict=None,
                    rules=rules,
                    made_by=made_by,
                    requested_by=tuple(sign_off.requested_by),
                    heard=frozenset(),
                    content=lambda: gate.Content(""),
                )
            )
            for author, group in about
        )

    return [action for action in actions_from(sign_off.status) if may(action)]


def status_of(session: Session, item: Item) -> Status:
    """Where the sign-off of a version or a bundle stands."""
    return session.get_one(SignOff, key_of(item), populate_existing=True).status


def show(session: Session, item: Item) -> dict[str, Any]:
    """Everything about the sign-off of a version or a bundle, with its history.

    Returns:
        ``path``, ``status``, ``revision``, ``round``, ``requested_by``, ``notified``, ``changed_at``, ``approved_until``,
        ``content_digest``, ``rules``, ``people``, ``delegations``, ``possible`` (action, status afterwards, who),
        ``feedback`` and ``final_approval`` of this round, ``history`` (the same for each earlier round, latest first)
        and ``moves`` (when, who, what, comment; oldest first).
    """
    sign_off = session.get_one(SignOff, key_of(item), populate_existing=True)
    feedback = _feedback(session, sign_off.item_id)
    approvals = session.exec(select(FinalApproval).where(FinalApproval.item_id == sign_off.item_id)).all()

    def said_in(round_: int) -> dict[str, Any]:
        return {
            "feedback": [_row(row) for row in feedback if row.round == round_],
            "final_approval": next((_row(row) for row in approvals if row.round == round_), None),
        }

    return {
        "path": item.path,
        **sign_off.model_dump(
            include={"status", "revision", "round", "requested_by", "notified", "changed_at", "approved_until"}
        ),
        "content_digest": signed(session, item).manifest_digest,
        "rules": gate.rules_of(session, item, sign_off).model_dump(mode="json"),
        "people": _people(session, item.project_id),
        "delegations": [row.model_dump(exclude={"item_id"}) for row in delegations_of(session, item)],
        "possible": [
            {"action": action, "to": str(rule.to.value), "who": rule.who.name}
            for (status, action), rule in RULES.items()
            if status is sign_off.status
        ],
        **said_in(sign_off.round),
        "history": [{"round": number, **said_in(number)} for number in range(sign_off.round - 1, 0, -1)],
        "moves": _moves(session, item.path),
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


def _moves(session: Session, subject: str) -> list[dict[str, Any]]:
    events = session.exec(
        select(AuditEvent)
        .where(AuditEvent.subject == subject, col(AuditEvent.tag).startswith("sign_off:"))
        .order_by(col(AuditEvent.id))
    )
    return [
        {
            "at": event.at,
            "actor": event.actor,
            "action": event.tag.partition(":")[2],
            "from": (event.before or {}).get("status"),
            "to": (event.after or {}).get("status"),
            "comment": (event.after or {}).get("comment"),
        }
        for event in events
    ]
