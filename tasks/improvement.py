"""Whether a version that was just trained is better than the active one, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from governance import registry
from governance.errors import DriftgateError, NotFound, Refused, TrainingImpossible
from governance.project_file import ModelSettings, Project, load_project
from governance.settings import settings
from governance.vocabulary import ActivationPolicy, StepOutcome
from tasks import edge, gate
from tasks.comparing import Gain, measure_gain
from tasks.comparing.rows import fitted_on
from tasks.comparing.telling import said_of
from tasks.data.joining import TrainingTable
from tasks.learning.fit import TrainedModel
from tasks.learning.prediction import output_columns, predict
from tasks.load import Assignment
from tasks.metrics.days import blocks_of
from tasks.versions import Version, open_version

if TYPE_CHECKING:
    import pandas as pd


@task(task_run_name="Compare with the active version", cache_policy=NO_CACHE)
def compare_with_active(assignment: Assignment, table: TrainingTable, trained: TrainedModel) -> dict[str, Any] | None:
    """Hold the new version against the active one on the same rows, where the policy is ``if_better``.

    The rows are those of the new version's test part, without those that the active version was fitted on as far as
    that can be known. What fails here fails no training: then the new version is not known to be better.

    Returns: ``None`` for another policy; else ``champion`` (its number, ``None``: none is active), ``better``,
    ``compared``, ``message`` as the end of a sentence about the new version, what was ``measured``, and of which
    ``environment`` the champion is, with the ``revision`` of what was active there.
    """
    activation = assignment.settings.activation
    if activation.policy is not ActivationPolicy.IF_BETTER:
        return None
    try:
        where = _place(assignment.project, assignment.settings)
        champion, revision = _champion(assignment, where)
        against = {"environment": where, "revision": revision}
        if champion is None:
            message = "no version is active to compare with"
            return {"champion": None, "better": True, "compared": False, "message": message, **against}
        return _compared(assignment, table, trained, champion) | against
    except DriftgateError as refusal:
        problem = str(refusal)
    except Exception as error:  # an estimator of others, on rows that it was not made for
        get_run_logger().warning("the versions could not be compared", exc_info=True)
        problem = f"{type(error).__name__}: {error}"
    message = f"it could not be compared with the active version: {problem}"
    return {"champion": None, "better": False, "compared": False, "message": message}


def _champion(assignment: Assignment, where: str) -> tuple[Version | None, int]:
    """What is active, with its revision."""
    project, model = assignment.project, assignment.model
    with edge.reading() as session:
        try:
            row = edge.find_version(session, project, model, "active", where)
        except NotFound:
            return None, 0
        place = registry.find_environment(session, project.project, where)
        revision = registry.active_revision(session, registry.find_model(session, project.project, model), place)
        registry.require_as_recorded(session, row)
        return open_version(row, model, settings().artifacts_folder), revision


def _place(project: Project, model: ModelSettings) -> str:
    """The environment that the policy is about."""
    where = model.activation.environment or project.monitored_environment
    if where not in project.environments:
        raise NotFound("environment", where, sorted(project.environments), "name one of them")
    return where


def _compared(assignment: Assignment, table: TrainingTable, trained: TrainedModel, champion: Version) -> dict[str, Any]:
    model, schema = assignment.settings, trained.schema
    if champion.schema.target != schema.target or champion.schema.prediction_type is not schema.prediction_type:
        problem = f"version {champion.number} predicts {champion.schema.target!r}, as {champion.schema.prediction_type}"
        raise TrainingImpossible(assignment.model, problem, "activate a version that predicts the same")
    if len(schema.classes) == 2 and champion.schema.classes != schema.classes:
        problem = f"version {champion.number} tells {' from '.join(champion.schema.classes)}"
        raise TrainingImpossible(assignment.model, problem, "activate a version that tells the same classes apart")
    seen = fitted_on(
        champion.manifest, champion.reference(), champion.schema, table, trained.reference, trained.reference_places
    )
    rows = trained.reference[~seen.fitted_on].reset_index(drop=True)
    gain = _gain(model, trained, champion, rows)
    better = gain.exceeds(model.activation.minimal_gain)
    return {
        "champion": champion.number,
        "better": better,
        "compared": gain.lower is not None,
        "message": said_of(gain, champion.number, model.activation, seen),
        "left_out_rows": int(seen.fitted_on.sum()),
        "measured": asdict(gain),
    }


def _gain(model: ModelSettings, trained: TrainedModel, champion: Version, rows: pd.DataFrame) -> Gain:
    """Of the predictions that the new version made before it saw these rows, and those of the active one."""
    import numpy as np

    schema, activation = trained.schema, model.activation
    classes = tuple(dict.fromkeys((*schema.classes, *champion.schema.classes)))
    sides = []
    for own, frame in (
        (champion.schema, predict(champion.fitted, rows)),
        (schema, rows[output_columns(schema)]),
    ):
        # A class that a version does not know has no probability with it.
        unknown = {f"proba_{label}": 0.0 for label in classes if label not in own.classes}
        sides.append(frame.assign(**unknown))
    return measure_gain(
        activation.metric or model.metric_to_focus,
        schema.prediction_type,
        classes,
        rows[schema.target],
        *sides,
        weights=None if model.weight_column is None else rows[model.weight_column].to_numpy(np.float64),
        blocks=blocks_of(rows[schema.time_column]) if schema.time_column in rows else None,
        averaging=model.averaging,
        cost_matrix=model.cost_matrix,
        minimal_gain=activation.minimal_gain,
        confidence=activation.confidence,
    )


@task(task_run_name="Settle activation", cache_policy=NO_CACHE)
def settle_activation(project: str, made: Mapping[str, Any], actor: str | None) -> dict[str, Any]:
    """Do with a new version what the activation policy of its model says; whatever it is, the gate is asked.

    Args:
        project: Its ``project.yaml``.
        made: As :func:`tasks.record.record_version` gives it; what was done with it already is not done again.
        actor: Who trained it.

    Returns: ``outcome`` of the step, ``message`` as the end of a sentence about the version, and ``activated``.
    A gate that says no makes a warning of it: trained the version is.
    """
    declared = load_project(project)
    model = declared.models[made["model"]]
    return _POLICIES[model.activation.policy](declared, model, made, actor)


def _manual(_project: Project, _model: ModelSettings, _made: Mapping[str, Any], _actor: str | None) -> dict[str, Any]:
    return _settled(StepOutcome.SUCCESS, "waits for its sign-off")


def _always(project: Project, model: ModelSettings, made: Mapping[str, Any], actor: str | None) -> dict[str, Any]:
    return _through_the_gate(project, model, made, actor, "")


def _if_better(project: Project, model: ModelSettings, made: Mapping[str, Any], actor: str | None) -> dict[str, Any]:
    found: Mapping[str, Any] = made["improvement"] or _NOT_COMPARED
    if found["better"] and found["environment"] != _place(project, model):
        found = _NOT_COMPARED
    if not found["better"]:
        outcome = StepOutcome.SUCCESS if found["compared"] else StepOutcome.WARNING
        return _settled(outcome, f"is trained, and is not activated: {found['message']}")
    return _through_the_gate(project, model, made, actor, f": {found['message']}", found["revision"])


_NOT_COMPARED: Final = MappingProxyType(
    {"better": False, "compared": False, "message": "its policy was another one when it was trained"}
)

_POLICIES: Final[Mapping[ActivationPolicy, Callable[..., dict[str, Any]]]] = MappingProxyType(
    {
        ActivationPolicy.MANUAL: _manual,
        ActivationPolicy.ALWAYS: _always,
        ActivationPolicy.IF_BETTER: _if_better,
    }
)
"""What each policy does with a new version."""


def _through_the_gate(
    project: Project,
    model: ModelSettings,
    made: Mapping[str, Any],
    actor: str | None,
    why: str,
    expected_revision: int | None = None,
) -> dict[str, Any]:
    where = _place(project, model)
    if made.get("environment") == where:  # it was let through before the run was interrupted
        return _settled(StepOutcome.SUCCESS, f"is active in {where}{why}", activated=True)
    number = str(made["version"])
    try:
        gate.activate(
            project,
            made["model"],
            number,
            where,
            edge.acting(actor),
            confirm=False,
            expected_revision=expected_revision,
        )
    except Refused as refusal:
        return _settled(StepOutcome.WARNING, f"is trained{why}; the gate refused: {refusal}")
    return _settled(StepOutcome.SUCCESS, f"is active in {where}{why}", activated=True)


def _settled(outcome: StepOutcome, message: str, *, activated: bool = False) -> dict[str, Any]:
    return {"outcome": outcome, "message": message, "activated": activated}
