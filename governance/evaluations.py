"""The evaluations of a store: recorded with every metric, and read as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Protocol

from sqlmodel import Session, col, delete, select

from governance.audit import Actor, Tag, note
from governance.errors import NotFound
from governance.tables import CheckResult, Evaluation, Metric, ModelRow, ModelVersion, ProjectRow, StoreRow
from governance.tables.columns import key_of
from governance.vocabulary import CheckOutcome, Measurement


class Finding(Protocol):
    """What a check found, as whoever ran it hands it over."""

    @property
    def name(self) -> str:
        """Name of the check."""

    @property
    def type(self) -> str:
        """Kind of the check, e.g. ``numeric_range``."""

    @property
    def metric(self) -> str:
        """Name of the metric it looked at."""

    @property
    def outcome(self) -> CheckOutcome:
        """What it found."""

    @property
    def value(self) -> float | None:
        """Value of the metric; none when there is none."""

    @property
    def bounds(self) -> Mapping[str, float]:
        """The bounds that held, by their names."""

    @property
    def message(self) -> str:
        """The outcome in a sentence."""


def find_store(session: Session, project: str, store: str) -> StoreRow:
    """The store of that name. Raises :class:`NotFound` with the known names."""
    known = session.exec(
        select(StoreRow).join(ProjectRow).where(ProjectRow.name == project).order_by(StoreRow.name)
    ).all()
    for row in known:
        if row.name == store:
            return row
    raise NotFound("store", store, [row.name for row in known], "declare it under stores in project.yaml")


def record_evaluation(
    session: Session,
    store: StoreRow,
    version: ModelVersion,
    *,
    id: str,
    name: str,
    data: str,
    data_fingerprint: str,
    rows: int,
    sampled_rows: int,
    labelled_rows: int | None,
    labels: Mapping[str, str],
    warnings: Sequence[str],
    folder: str,
    files: Mapping[str, str],
    measurements: Sequence[Measurement],
    actor: Actor,
    at: datetime,
) -> Evaluation:
    """Add one evaluation and its metrics to a store; an id that is there already is overwritten.

    What checks said about an overwritten evaluation stays.

    Args:
        session: Of the act.
        store: Where to.
        version: The version that was judged.
        id: Of the evaluation, at most 64 characters.
        name: As people read it.
        data: What was judged: data source and part, or a path.
        data_fingerprint: SHA-256 of the data.
        rows: Rows of the dataset.
        sampled_rows: Rows that were judged.
        labelled_rows: Judged rows with a label; none when labels were not asked for.
        labels: Key/value pairs.
        warnings: Sentences.
        folder: Of the sample and the details, relative to the artifacts folder, already in place.
        files: File name in the folder: SHA-256.
        measurements: Every metric, each name once. A value that is no finite number is recorded as none.
        actor: Who evaluated.
        at: When.

    Raises:
        NotFound: the version is not one of the store's model, or the id is taken by another store.
    """
    if version.model_id != store.model_id:
        raise NotFound("version of the store's model", str(version.number), (), "name one of the store's own model")
    fields: dict[str, Any] = {
        "version_id": version.id,
        "name": name,
        "data": data,
        "data_fingerprint": data_fingerprint,
        "rows": rows,
        "sampled_rows": sampled_rows,
        "labelled_rows": labelled_rows,
        "labels": dict(labels),
        "warnings": list(warnings),
        "folder": folder,
        "files": dict(files),
        "evaluated_by": actor.name,
        "evaluated_at": at,
    }
    before = session.get(Evaluation, id)
    if before is not None and before.store_id != store.id:
        raise NotFound("evaluation of this store", id, (), "choose another id: this one is of another store")
    replaced = None if before is None else {"version_id": before.version_id, "folder": before.folder}
    evaluation = before or Evaluation(id=id, store_id=key_of(store), **fields)
    evaluation.sqlmodel_update(fields)
    session.add(evaluation)
    session.flush()
    session.exec(delete(Metric).where(col(Metric.evaluation_id) == id))
    for measurement in map(recordable, measurements):
        session.add(Metric(evaluation_id=id, **asdict(measurement)))
    note(
        session,
        Tag.EVALUATION_RECORDED if replaced is None else Tag.EVALUATION_REPLACED,
        f"{_path(session, store)}/{id}",
        actor=actor,
        at=at,
        before=replaced,
        after={"version": version.number, "data": data, "folder": folder, "metrics": len(measurements)},
    )
    return evaluation


def latest_evaluation(session: Session, store: StoreRow) -> Evaluation:
    """The evaluation that was made last. Raises :class:`NotFound` when there is none yet."""
    latest_first = (col(Evaluation.evaluated_at).desc(), col(Evaluation.id).desc())
    found = session.exec(
        select(Evaluation).where(Evaluation.store_id == store.id).order_by(*latest_first).limit(1)
    ).first()
    if found is None:
        raise NotFound("evaluation in store", store.name, (), "make one with 'driftgate evaluate'")
    return found


def metrics_of(session: Session, evaluation: Evaluation) -> dict[str, Measurement]:
    """Every metric of an evaluation, by name."""
    rows = session.exec(select(Metric).where(Metric.evaluation_id == evaluation.id).order_by(Metric.name))
    return {row.name: Measurement(row.name, row.value, row.lower, row.upper, row.rows, row.reason) for row in rows}


def metrics_table(session: Session, project: str, store: str | None = None) -> list[dict[str, Any]]:
    """Every metric of every evaluation, one row each, oldest first: for charts and other tools.

    Returns:
        Rows with ``evaluation``, ``store``, ``model``, ``version``, ``metric``, ``value``, ``lower``, ``upper``,
        ``rows``, ``reason``, ``data`` and ``computed_at``.
    """
    named = select(StoreRow).join(ProjectRow).where(ProjectRow.name == project)
    stores = {row.id: row.name for row in session.exec(named) if store in {None, row.name}}
    query = (
        select(Metric, Evaluation, ModelRow.name, ModelVersion.number)
        .join(Evaluation, col(Metric.evaluation_id) == Evaluation.id)
        .join(ModelVersion, col(Evaluation.version_id) == ModelVersion.id)
        .join(ModelRow, col(ModelVersion.model_id) == ModelRow.id)
        .where(col(Evaluation.store_id).in_(stores))
        .order_by(col(Evaluation.evaluated_at), col(Evaluation.id), col(Metric.name))
    )
    return [
        {
            "evaluation": evaluation.id,
            "store": stores[evaluation.store_id],
            "model": model,
            "version": number,
            "metric": metric.name,
            "value": metric.value,
            "lower": metric.lower,
            "upper": metric.upper,
            "rows": metric.rows,
            "reason": metric.reason,
            "data": evaluation.data,
            "computed_at": evaluation.evaluated_at,
        }
        for metric, evaluation, model, number in session.exec(query)
    ]


def record_check_results(
    session: Session, evaluation: Evaluation, findings: Sequence[Finding], *, actor: Actor, at: datetime
) -> list[CheckResult]:
    """Keep what the checks found on an evaluation, for ever, with the value and the bounds that held."""
    results = [
        CheckResult(
            evaluation_id=evaluation.id,
            name=finding.name,
            type=finding.type,
            metric=finding.metric,
            outcome=finding.outcome,
            value=finding.value,
            bounds=dict(finding.bounds),
            message=finding.message,
            checked_at=at,
        )
        for finding in findings
    ]
    session.add_all(results)
    store = session.get_one(StoreRow, evaluation.store_id)
    note(
        session,
        Tag.CHECKS_RUN,
        f"{_path(session, store)}/{evaluation.id}",
        actor=actor,
        at=at,
        after={result.name: result.outcome for result in results},
    )
    return results


def recordable(measurement: Measurement) -> Measurement:
    """A measurement as databases and JSON can hold it: what is no finite number becomes none, with the reason.

    Example:
        >>> recordable(Measurement("rmse", float("nan"))).reason
        'the value is nan, not a finite number'
    """

    def finite(number: float | None) -> float | None:
        return float(number) if number is not None and math.isfinite(number) else None

    value = finite(measurement.value)
    reason = measurement.reason
    if value is None and measurement.value is not None:
        reason = reason or f"the value is {measurement.value}, not a finite number"
    rows = None if measurement.rows is None else int(measurement.rows)
    return replace(
        measurement,
        value=value,
        lower=finite(measurement.lower),
        upper=finite(measurement.upper),
        rows=rows,
        reason=reason,
    )


def _path(session: Session, store: StoreRow) -> str:
    project = session.get_one(ProjectRow, store.project_id)
    return f"{project.name}/{store.name}"
