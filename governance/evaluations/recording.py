"""One more evaluation in a store, or another in the place of one, and what the checks said of it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final, Protocol

from sqlmodel import Session, col, delete, insert

from governance.audit import Actor, Tag, note
from governance.authorisation import require
from governance.errors import NotFound, UnusableName
from governance.tables import CheckResult, Evaluation, Metric, ModelVersion, ProjectRow, StoreRow
from governance.tables.columns import key_of
from governance.vocabulary import CheckOutcome, Measurement, Right

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Ids stand in paths, addresses and commands."""


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
        """Name of the metric it looked at; empty where it looked at all of them."""

    @property
    def outcome(self) -> CheckOutcome:
        """What it found."""

    @property
    def value(self) -> float | None:
        """Value of the metric; none when there is none."""

    @property
    def bounds(self) -> Mapping[str, Any]:
        """What the value was held against, by its names; JSON-able."""

    @property
    def message(self) -> str:
        """The outcome in a sentence."""


def record_evaluation(
    session: Session,
    store: StoreRow,
    version: ModelVersion | None,
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
        version: The version that was judged; none where the predictions came with the data.
        id: Of the evaluation; see :func:`require_own_id`.
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
        NotFound: the version is not one of the store's model, or there is one and the store is standalone.
        UnusableName: the id is no id, or another store has it; nothing was written.
    """
    require(session, actor, Right.WRITE, store.project_id)
    require_own_id(session, store, id)
    _require_own_version(store, version)
    fields: dict[str, Any] = {
        "version_id": None if version is None else version.id,
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
    replaced = None if before is None else {"version_id": before.version_id, "folder": before.folder}
    evaluation = before or Evaluation(id=id, store_id=key_of(store), **fields)
    evaluation.sqlmodel_update(fields)
    session.add(evaluation)
    session.flush()
    session.exec(delete(Metric).where(col(Metric.evaluation_id) == id))
    if rows_of_metrics := [{"evaluation_id": id, **asdict(recordable(each))} for each in measurements]:
        # All at once: a wide table has tens of thousands of them.
        session.connection().execute(insert(Metric), rows_of_metrics)
    note(
        session,
        Tag.EVALUATION_RECORDED if replaced is None else Tag.EVALUATION_REPLACED,
        f"{_path(session, store)}/{id}",
        actor=actor,
        at=at,
        before=replaced,
        after={
            "version": None if version is None else version.number,
            "data": data,
            "folder": folder,
            "metrics": len(measurements),
        },
    )
    return evaluation


def require_own_id(session: Session, store: StoreRow, id: str) -> None:
    """Refuse an id that an evaluation of this store can't have; before anything is computed, and when it is recorded.

    Args:
        session: To read with.
        store: Where the evaluation goes.
        id: Letters, digits, dots, dashes and underscores, at most 64. One of this store's is fine: it is overwritten.

    Raises:
        UnusableName: it is none, or an evaluation of another store has it.
    """
    if _ID.fullmatch(id) is None:
        remedy = "use at most 64 letters, digits, dots, dashes and underscores, beginning with a letter or a digit"
        raise UnusableName("evaluation id", id, "it is none", remedy)
    found = session.get(Evaluation, id)
    if found is not None and found.store_id != store.id:
        other = session.get_one(StoreRow, found.store_id)
        raise UnusableName("evaluation id", id, f"store {other.name!r} has it already", "choose another one")


def _require_own_version(store: StoreRow, version: ModelVersion | None) -> None:
    if version is None and store.model_id is not None:
        raise NotFound("version that was judged in store", store.name, (), "the store is of a model: name its version")
    if version is not None and version.model_id != store.model_id:
        remedy = "name one of the store's own model"
        if store.model_id is None:
            remedy = "the store is standalone: record its evaluations without a version"
        raise NotFound("version of the store's model", str(version.number), (), remedy)


def record_check_results(
    session: Session, evaluation: Evaluation, findings: Sequence[Finding], *, actor: Actor, at: datetime
) -> list[CheckResult]:
    """Keep what the checks found on an evaluation, for ever, with the value and the bounds that held."""
    store = session.get_one(StoreRow, evaluation.store_id)
    require(session, actor, Right.WRITE, store.project_id)
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
