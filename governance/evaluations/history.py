"""The evaluations before one, for checks that learn from them or compare with them."""

from __future__ import annotations

from collections.abc import Collection

from sqlmodel import Session, and_, col, or_, select

from governance.evaluations.backfilled import is_of_its_own_time, of_its_own_time
from governance.tables import Evaluation, Metric
from governance.vocabulary import Measurement


def metrics_before(
    session: Session, evaluation: Evaluation, *, last: int, names: Collection[str] | None = None
) -> list[dict[str, Measurement]]:
    """The metrics of the evaluations of the same store that were made before one, the one before it first.

    Those of their own time and those that a backfill made of past periods are two series: the series of the evaluation
    itself comes first, and what is lacking is taken from the other.

    Args:
        session: To read with.
        evaluation: The one whose past is asked for.
        last: How many, at most.
        names: Which metrics; default: all of them.
    """
    own = is_of_its_own_time(evaluation)
    before = _made_before(session, evaluation, of_now=own, last=last)
    before += _made_before(session, evaluation, of_now=not own, last=last - len(before))
    found: dict[str, dict[str, Measurement]] = {identifier: {} for identifier in before}
    query = select(Metric).where(col(Metric.evaluation_id).in_(before))
    if names is not None:
        query = query.where(col(Metric.name).in_(names))
    for row in session.exec(query) if before else ():
        found[row.evaluation_id][row.name] = Measurement(
            row.name, row.value, row.lower, row.upper, row.rows, row.reason
        )
    return list(found.values())


def _made_before(session: Session, evaluation: Evaluation, *, of_now: bool, last: int) -> list[str]:
    if last <= 0:
        return []
    at, identifier = col(Evaluation.evaluated_at), col(Evaluation.id)
    earlier = or_(at < evaluation.evaluated_at, and_(at == evaluation.evaluated_at, identifier < evaluation.id))
    series = of_its_own_time() if of_now else ~of_its_own_time()
    query = select(Evaluation.id).where(Evaluation.store_id == evaluation.store_id, earlier, series)
    return list(session.exec(query.order_by(at.desc(), identifier.desc()).limit(last)))
