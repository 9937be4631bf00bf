"""How strictly an environment asks for a sign-off, changed by an administrator."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, update

from governance.audit import Actor, Tag, note
from governance.authorisation import require
from governance.errors import ChangedMeanwhile
from governance.tables import EnvironmentRow, ProjectRow
from governance.vocabulary import Policy, Right


def set_policy(
    session: Session,
    environment: EnvironmentRow,
    policy: Policy,
    *,
    actor: Actor,
    at: datetime,
    expected_revision: int | None = None,
) -> EnvironmentRow:
    """Change the policy of an environment. It stays until ``project.yaml`` says something new of it.

    Raises:
        NotAllowed: the actor is no administrator of the project.
        ChangedMeanwhile: somebody else changed it first; nothing was written.
    """
    require(session, actor, Right.ADMINISTER, environment.project_id)
    found = session.get_one(EnvironmentRow, environment.id, populate_existing=True)
    project = session.get_one(ProjectRow, found.project_id)
    subject = f"{project.name}/environments/{found.name}"
    if expected_revision not in {None, found.revision}:
        raise ChangedMeanwhile(subject, f"revision {expected_revision}", f"revision {found.revision}")
    before, seen = found.policy, found.revision
    if before is policy:
        return found
    changed = session.exec(
        update(EnvironmentRow)
        .where(col(EnvironmentRow.id) == found.id, col(EnvironmentRow.revision) == seen)
        .values(policy=policy, revision=seen + 1)
        .execution_options(synchronize_session=False)
    )
    found = session.get_one(EnvironmentRow, environment.id, populate_existing=True)
    if changed.rowcount != 1:
        raise ChangedMeanwhile(subject, f"revision {seen}", f"revision {found.revision}")
    note(session, Tag.POLICY_CHANGED, subject, actor=actor, at=at, before={"policy": before}, after={"policy": policy})
    return found
