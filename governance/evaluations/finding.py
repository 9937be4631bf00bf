"""From the names that people use to evaluations, and from evaluations to their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from governance.comparison import Item
from governance.errors import NotFound
from governance.evaluations.backfilled import PERIOD, of_its_own_time
from governance.tables import (
    METRICS_LONG,
    CheckResult,
    Evaluation,
    Metric,
    ModelRow,
    ModelVersion,
    ProjectRow,
    StoreRow,
)
from governance.vocabulary import Measurement

_MAKE_ONE: Final = "make one with 'driftgate evaluate'"
_SHOWN: Final = 10
"""Evaluations that a refusal names, at most."""


def find_store(session: Session, project: str, store: str) -> StoreRow:
    """The store of that name. Raises :class:`NotFound` with the known names."""
    known = session.exec(
        select(StoreRow).join(ProjectRow).where(ProjectRow.name == project).order_by(StoreRow.name)
    ).all()
    for row in known:
        if row.name == store:
            return row
    raise NotFound("store", store, [row.name for row in known], "declare it under stores in project.yaml")


def evaluations_of(session: Session, store: StoreRow, *, last: int) -> list[Evaluation]:
    """The evaluations of a store that were made last, at most so many, latest first."""
    return list(session.exec(_latest_first().where(Evaluation.store_id == store.id).limit(last)))


def latest_evaluation(session: Session, store: StoreRow) -> Evaluation:
    """The evaluation that was made last; of a past period, by a backfill, only where there is no other.

    A backfill made today judges what was long ago: it says nothing about how things stand.

    Raises:
        NotFound: there is none yet.
    """
    of_now = _latest_first().where(Evaluation.store_id == store.id, of_its_own_time())
    found = session.exec(of_now.limit(1)).first() or next(iter(evaluations_of(session, store, last=1)), None)
    if found is None:
        raise NotFound("evaluation in store", store.name, (), _MAKE_ONE)
    return found


def evaluation_of_period(session: Session, store: StoreRow, period: str) -> Evaluation:
    """The evaluation of a past period that a backfill has made last. Raises :class:`NotFound` when it has made none."""
    of_period = _latest_first().where(Evaluation.store_id == store.id, ~of_its_own_time())
    labelled = col(Evaluation.labels)[PERIOD].as_string() == period
    found = session.exec(of_period.where(labelled).limit(1)).first()
    if found is None:
        raise NotFound(f"evaluation of period {period!r} in store", store.name, (), "judge the period first")
    return found


def check_results_of(session: Session, evaluation: Evaluation) -> list[CheckResult]:
    """What the checks said when they were held against an evaluation the last time; none: they never were.

    Of one that was overwritten, what they said before does not count.
    """
    query = select(CheckResult).where(CheckResult.evaluation_id == evaluation.id).order_by(col(CheckResult.id))
    found = session.exec(query.where(col(CheckResult.checked_at) >= evaluation.evaluated_at)).all()
    return [result for result in found if result.checked_at == found[-1].checked_at]


def find_evaluation(session: Session, project: str, reference: str, store: StoreRow | None = None) -> Evaluation:
    """The evaluation that an id or a display name means; of several with the same name, the latest.

    Args:
        session: To read with.
        project: Where to look.
        reference: Id or display name.
        store: Look only in this store; default: in every store of the project.

    Raises:
        NotFound: there is none; names the latest ones there are.
    """
    query = _latest_first().join(StoreRow).join(ProjectRow).where(ProjectRow.name == project)
    if store is not None:
        query = query.where(Evaluation.store_id == store.id)
    named = session.exec(query.where(or_(col(Evaluation.id) == reference, col(Evaluation.name) == reference))).all()
    for evaluation in sorted(named, key=lambda found: found.id != reference):  # an id goes before a name
        return evaluation
    known = [evaluation.id for evaluation in session.exec(query.limit(_SHOWN))]
    raise NotFound("evaluation", reference, known, "name one by its id or its display name" if known else _MAKE_ONE)


def metrics_of(session: Session, evaluation: Evaluation) -> dict[str, Measurement]:
    """Every metric of an evaluation, by name."""
    rows = session.exec(select(Metric).where(Metric.evaluation_id == evaluation.id).order_by(Metric.name))
    return {row.name: Measurement(row.name, row.value, row.lower, row.upper, row.rows, row.reason) for row in rows}


def side_by_side(session: Session, evaluations: Sequence[Evaluation]) -> list[Item]:
    """Evaluations with all that a comparison shows of them, in the order given."""
    return [_item(session, evaluation) for evaluation in evaluations]


def metrics_table(session: Session, project: str, store: str | None = None) -> list[dict[str, Any]]:
    """Every metric of every evaluation, one row each, oldest first: for charts and other tools.

    Returns:
        Rows of the view ``metrics_long``: ``evaluation``, ``project``, ``store``, ``model`` and ``version`` (none of a
        standalone store), ``metric``, ``value``, ``lower``, ``upper``, ``rows``, ``reason``, ``data``,
        ``name`` and ``labels`` of the evaluation, ``computed_at``.
    """
    column = METRICS_LONG.c
    query = METRICS_LONG.select().where(column.project == project)
    if store is not None:
        query = query.where(column.store == store)
    in_order = query.order_by(column.computed_at, column.evaluation, column.metric)
    return [dict(row) for row in session.connection().execute(in_order).mappings()]


def _item(session: Session, evaluation: Evaluation) -> Item:
    version = None if evaluation.version_id is None else session.get_one(ModelVersion, evaluation.version_id)
    return Item(
        evaluation=evaluation.id,
        name=evaluation.name,
        store=session.get_one(StoreRow, evaluation.store_id).name,
        model=None if version is None else session.get_one(ModelRow, version.model_id).name,
        version=None if version is None else version.number,
        data=evaluation.data,
        at=evaluation.evaluated_at,
        labels=evaluation.labels,
        metrics=metrics_of(session, evaluation),
    )


def _latest_first() -> SelectOfScalar[Evaluation]:
    return select(Evaluation).order_by(col(Evaluation.evaluated_at).desc(), col(Evaluation.id).desc())
