"""The end of everything by which somebody is known: log-ins and tokens."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, update

from governance.tables import ApiToken, LogIn, User


def end_secrets(session: Session, user: User, *, at: datetime) -> dict[str, int]:
    """End every log-in and every token of a user; part of an act, whose audit line says how many."""
    log_ins = session.exec(
        update(LogIn)
        .where(col(LogIn.user_id) == user.id, col(LogIn.ended_at).is_(None))
        .values(ended_at=at)
        .execution_options(synchronize_session=False)
    )
    tokens = session.exec(
        update(ApiToken)
        .where(col(ApiToken.user_id) == user.id, col(ApiToken.revoked_at).is_(None))
        .values(revoked_at=at)
        .execution_options(synchronize_session=False)
    )
    return {"log_ins_ended": log_ins.rowcount, "tokens_revoked": tokens.rowcount}
