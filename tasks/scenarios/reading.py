"""Which data the steps of a run read, once it is said what the latest part of a series is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final

from governance.errors import NotFound
from governance.project_file import AnyStep, BuildEvaluation, Project, Step, Train
from tasks.data.joining import PLUS
from tasks.data.sources import resolve_data

_HOW_IT_IS_TRIED: Final = frozenset(Step.model_fields)


def steps_reading(
    project: Project, steps: Sequence[AnyStep], data: str | None, environment: Mapping[str, str] | None = None
) -> tuple[AnyStep, ...]:
    """The steps of a scenario, each that reads data saying which.

    Args:
        project: Whose defaults hold for steps that don't say.
        steps: As declared.
        data: ``None``; or a part of a series, which then is its latest part for every step; or a file that belongs to no
            series, which the evaluations judge instead.
        environment: Variables that hold the addresses of databases.

    Raises:
        NotFound: there are no such data, or no step would read them.
    """
    said = tuple(_saying(project, step) for step in steps)
    if data is None:
        return said
    name = resolve_data(project, data, data, environment).name
    if ":" not in name or name.partition(":")[0] not in project.data:
        return tuple(_reading(step, name) if isinstance(step, BuildEvaluation) else step for step in said)
    told = tuple(_reading(step, pinned(read, name)) if (read := read_by(step)) else step for step in said)
    if told == said:
        known = sorted({read for step in said if (read := read_by(step))})
        raise NotFound("step that reads", name, known, "name a part of a series that a step reads the latest part of")
    return told


def read_by(step: AnyStep) -> str | None:
    """What a step says that it reads; ``None`` when it reads nothing, or what the project says."""
    return step.data if isinstance(step, BuildEvaluation | Train) else None


def asked_of(step: AnyStep) -> str:
    """A digest of what a step is asked to do, the data among it; not of when it runs, nor of how often it is tried.

    Example:
        >>> once = BuildEvaluation(name="Judge", kind="build_evaluation", store="mes", data="monthly:04")
        >>> asked_of(once) == asked_of(once.model_copy(update={"retries": 3}))
        True
        >>> asked_of(once) == asked_of(once.model_copy(update={"data": "monthly:05"}))
        False
    """
    said = step.model_dump(mode="json", exclude=set(_HOW_IT_IS_TRIED))
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def pinned(reference: str, latest: str) -> str:
    """A reference in which ``latest`` says what the latest part of its series is.

    Example:
        >>> pinned("training + monthly:latest", "monthly:06")
        'training + monthly:06'
        >>> pinned("training + monthly:04", "monthly:06")
        'training + monthly:04'
    """
    series = latest.partition(":")[0]
    return PLUS.join(latest if part in (series, f"{series}:latest") else part for part in reference.split(PLUS))


def _saying(project: Project, step: AnyStep) -> AnyStep:
    if isinstance(step, BuildEvaluation):
        return _reading(step, step.data or project.store(step.store).data)
    if isinstance(step, Train):
        return _reading(step, step.data or project.model(step.model)[1].train_on)
    return step


def _reading(step: AnyStep, data: str) -> AnyStep:
    return step.model_copy(update={"data": data})
