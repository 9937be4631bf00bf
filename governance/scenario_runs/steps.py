"""The steps of a run: how each went, and what it has done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import or_
from sqlmodel import Session, col, select

from governance.scenario_runs.ending import require_going_on
from governance.tables import ScenarioRun, StepEffect, StepRun
from governance.tables.columns import key_of
from governance.vocabulary import StepKind, StepOutcome


class Planned(NamedTuple):
    """A step as its scenario declares it when a run begins."""

    name: str
    kind: StepKind
    asked: str
    """Digest of what it is asked to do, the data among it. How it is tried is no part of that."""


def record_step(
    session: Session,
    run: ScenarioRun,
    *,
    position: int,
    name: str,
    kind: StepKind,
    outcome: StepOutcome,
    message: str,
    result: Mapping[str, Any],
    started_at: datetime,
    ended_at: datetime,
) -> StepRun:
    """Keep how one step went, also when it was skipped. What the step did has its own line in the audit trail.

    One that is recorded already is left as it is: whoever did not hear the answer of the database may ask again.

    Raises:
        ChangedMeanwhile: the run has ended, for example because it was taken for dead; nothing was written.
    """
    require_going_on(session, key_of(run))
    if (recorded := step_at(session, key_of(run), position)) is not None:
        return recorded
    step = StepRun(
        run_id=key_of(run),
        position=position,
        name=name,
        kind=kind,
        outcome=outcome,
        message=message,
        result=dict(result),
        started_at=started_at,
        ended_at=ended_at,
    )
    session.add(step)
    session.flush()
    return step


def steps_of(session: Session, run: ScenarioRun) -> list[StepRun]:
    """The steps of a run that were recorded so far, in order."""
    return list(session.exec(select(StepRun).where(StepRun.run_id == run.id).order_by(col(StepRun.position))))


def step_at(session: Session, run: int, position: int) -> StepRun | None:
    """How the step at a position went; none when it has not ended yet."""
    return session.exec(select(StepRun).where(StepRun.run_id == run, StepRun.position == position)).first()


def effect_of(session: Session, root: int, position: int) -> dict[str, Any] | None:
    """What the step at a position has done, also in a run that was interrupted; none: nothing that it kept.

    Args:
        session: That looks.
        root: Number of the run that it goes on with, or its own.
        position: Of the step, from 0.
    """
    found = session.get(StepEffect, (root, position))
    return None if found is None else dict(found.result)


def keep_effect(
    session: Session,
    run: int,
    *,
    root: int,
    position: int,
    step: Planned,
    result: Mapping[str, Any],
    at: datetime,
) -> None:
    """Keep what a step has done, in the transaction that does it: both are there, or neither.

    Args:
        session: Of the act.
        run: Number of the run that does it.
        root: Number of the run that it goes on with, or its own.
        position: Of the step, from 0.
        step: What it is, and was asked.
        result: What it made, which replaces what was kept before; must fit into JSON.
        at: When.

    Raises:
        ChangedMeanwhile: the run has ended, so that another may have taken its place.
    """
    require_going_on(session, run)
    found = session.get(StepEffect, (root, position))
    if found is None:
        made = StepEffect(root_id=root, position=position, **step._asdict(), result=dict(result), made_at=at)
        session.add(made)
    else:
        found.result, found.made_at = dict(result), at
        session.add(found)
    session.flush()


def why_not_of(session: Session, root: int, done: Sequence[StepRun], plan: Sequence[Planned]) -> str:
    """Why runs that have done this can't be gone on with by such steps, in a clause; empty when they can.

    Args:
        session: That looks.
        root: Number of the first of the runs.
        done: Steps that they have recorded, in order.
        plan: Steps of the scenario as it is declared now.
    """
    if [(step.name, step.kind) for step in done] != [(step.name, step.kind) for step in plan[: len(done)]]:
        return "the steps of the scenario are not those that it has done; run it anew"
    effects = session.exec(
        select(StepEffect)
        .where(StepEffect.root_id == root, col(StepEffect.position) >= len(done))
        .order_by(col(StepEffect.position))
    )
    for effect in effects:
        planned = plan[effect.position] if effect.position < len(plan) else None
        if planned != Planned(effect.name, effect.kind, effect.asked):
            return f"step {effect.name!r} had begun its work, and it is declared otherwise now; run it anew"
    return ""


def steps_since(session: Session, root: int) -> list[StepRun]:
    """The steps that the runs which go on with one another have recorded, in order; of each the latest record."""
    same = or_(col(ScenarioRun.id) == root, col(ScenarioRun.root_id) == root)
    query = select(StepRun).join(ScenarioRun).where(same).order_by(col(StepRun.run_id))
    latest = {step.position: step for step in session.exec(query)}
    return [latest[position] for position in sorted(latest)]


def take_over(session: Session, run: ScenarioRun, steps: list[StepRun]) -> None:
    """Record in a run what runs before it have done."""
    for step in steps:
        kept = step.model_dump(exclude={"id", "run_id"})
        session.add(StepRun(run_id=key_of(run), **kept))
    session.flush()
