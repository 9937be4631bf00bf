"""Look runs up."""

from __future__ import annotations

from sqlalchemy import or_
from sqlmodel import Session, col, select

from governance.errors import NotFound
from governance.tables import ProjectRow, ScenarioRun
from governance.vocabulary import BACKFILL, ScenarioOutcome


def last_runs(session: Session, project: str, scenario: str | None = None, limit: int = 20) -> list[ScenarioRun]:
    """The latest runs of a project's scenarios, or of one of them, latest first."""
    query = select(ScenarioRun).join(ProjectRow).where(ProjectRow.name == project)
    if scenario is not None:
        query = query.where(ScenarioRun.scenario == scenario)
    return list(session.exec(query.order_by(col(ScenarioRun.id).desc()).limit(limit)))


def find_run(session: Session, project: str, number: int) -> ScenarioRun:
    """A run of a project by its number.

    Raises:
        NotFound: the project has no such run.
    """
    query = select(ScenarioRun).join(ProjectRow).where(ProjectRow.name == project, ScenarioRun.id == number)
    found = session.exec(query).first()
    if found is None:
        raise NotFound("run", str(number), remedy="'driftgate scenario last-runs' lists them")
    return found


def find_open_run(session: Session, flow_run_id: str) -> ScenarioRun | None:
    """The run of a Prefect run that goes on; none when it has ended. One that was tried again has ended ones besides."""
    return session.exec(
        select(ScenarioRun).where(ScenarioRun.flow_run_id == flow_run_id, col(ScenarioRun.outcome).is_(None))
    ).first()


def runs_going_on(session: Session, project: str | None = None, scenario: str | None = None) -> list[ScenarioRun]:
    """The runs that have not ended: of every project, of one, or of one of its scenarios. At most one of each."""
    query = select(ScenarioRun).where(col(ScenarioRun.outcome).is_(None)).order_by(col(ScenarioRun.id))
    if project is not None:
        query = query.join(ProjectRow).where(ProjectRow.name == project)
    if scenario is not None:
        query = query.where(ScenarioRun.scenario == scenario)
    return list(session.exec(query))


def newest_aborted(session: Session, project: str, scenario: str) -> ScenarioRun:
    """The latest run of a scenario, if it was interrupted. Those of a backfill are left out: a backfill goes on with them.

    Raises:
        NotFound: there is none, or the latest ended by itself or goes on.
    """
    query = (
        select(ScenarioRun)
        .join(ProjectRow)
        .where(ProjectRow.name == project, ScenarioRun.scenario == scenario, col(ScenarioRun.trigger) != BACKFILL)
    )
    latest = session.exec(query.order_by(col(ScenarioRun.id).desc()).limit(1)).first()
    if latest is None or latest.outcome not in {None, ScenarioOutcome.ABORTED}:
        raise NotFound("interrupted run of", scenario, remedy="run it anew, without --continue")
    return latest


def newest_of(session: Session, root: int) -> ScenarioRun:
    """The latest of the runs that go on with one another."""
    same = or_(col(ScenarioRun.id) == root, col(ScenarioRun.root_id) == root)
    return session.exec(select(ScenarioRun).where(same).order_by(col(ScenarioRun.id).desc()).limit(1)).one()


def was_begun(session: Session, flow_run_id: str) -> bool:
    """Whether a Prefect run has begun a run before: then it is tried again."""
    return session.exec(select(ScenarioRun.id).where(ScenarioRun.flow_run_id == flow_run_id)).first() is not None
