"""Whether the parts of a project file fit together: names mean something, and settings fit what is predicted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from governance.project_file.lines import Location
from governance.project_file.project import Project
from governance.project_file.scenarios import Scenario
from governance.project_file.steps import Activate
from governance.project_file.triggers import AfterScenario, DatasetChange
from governance.vocabulary import PredictionType

_NUMBERED_BUNDLE: Final = re.compile(r"bundle-\d+")


def means_a_bundle(name: str) -> bool:
    """Whether a name, behind that of its project, is the path of a bundle: no model can have it.

    Example:
        >>> means_a_bundle("bundle-1"), means_a_bundle("bundle-one")
        (True, False)
    """
    return _NUMBERED_BUNDLE.fullmatch(name) is not None


def misused_names(project: Project) -> Iterator[tuple[Location, str, str]]:
    """Every name in the file that nothing in the file answers to, or that two things have."""

    def dangling(
        where: Location, kind: str, name: str | None, known: Mapping[str, object]
    ) -> Iterator[tuple[Location, str, str]]:
        if name is not None and name not in known:
            yield (
                where,
                f"there is no {kind} {name!r}",
                f"use one of {', '.join(sorted(known)) or '(none is declared)'}",
            )

    def doubled(where: Location, kind: str, names: Sequence[str]) -> Iterator[tuple[Location, str, str]]:
        for position, name in enumerate(names):
            if name in names[:position]:
                yield (*where, position, "name"), f"two {kind} are called {name!r}", "give each its own name"

    if not project.models and not project.stores:
        yield (
            ("models",),
            "there is no model, and no standalone store",
            "declare a model, or a store that is standalone",
        )
    for name, model in project.models.items():
        if means_a_bundle(name):
            problem = f"{name!r} is what bundle {name.removeprefix('bundle-')} of the project is called"
            yield ("models", name), problem, "give the model another name"
        yield from dangling(("models", name, "train_on"), "data source", model.train_on, project.data)
        live = ("models", name, "activation", "environment")
        yield from dangling(live, "environment", model.activation.environment, project.environments)
    for name, store in project.stores.items():
        yield from dangling(("stores", name, "model"), "model", store.model, project.models)
        yield from dangling(("stores", name, "data"), "data source", store.data, project.data)
        if store.standalone is not None and store.standalone.reference is not None:
            source = store.standalone.reference.partition(":")[0]
            yield from dangling(("stores", name, "standalone", "reference"), "data source", source, project.data)
        yield from doubled(("stores", name, "checks"), "checks", [check.name for check in store.checks])
    for name, scenario in project.scenarios.items():
        for where, kind, used in _used_by(name, scenario):
            yield from dangling(where, kind, used, _known(project, kind))
        yield from _watched_in_vain(project, name, scenario)
        yield from doubled(("scenarios", name, "steps"), "steps", [step.name for step in scenario.steps])
    yield from dangling(("monitored_environment",), "environment", project.monitored_environment, project.environments)


def _known(project: Project, kind: str) -> Mapping[str, object]:
    known: Mapping[str, Mapping[str, object]] = {
        "store": project.stores,
        "model": project.models,
        "channel": project.channels,
        "scenario": project.scenarios,
        "environment": project.environments,
        "data source": project.data,
    }
    return known[kind]


def _used_by(name: str, scenario: Scenario) -> Iterator[tuple[Location, str, str | None]]:
    """Every name that a scenario uses for something else in the file: where, of what kind, and the name."""
    for position, step in enumerate(scenario.steps):
        where = ("scenarios", name, "steps", position)
        for field in ("store", "model", "channel", "scenario"):
            yield (*where, field), field, getattr(step, field, None)
        if isinstance(step, Activate):
            yield (*where, "environment"), "environment", step.environment
    for position, trigger in enumerate(scenario.triggers):
        where = ("scenarios", name, "triggers", position)
        if isinstance(trigger, DatasetChange):
            yield (*where, "data"), "data source", trigger.data
        if isinstance(trigger, AfterScenario):
            yield (*where, "scenario"), "scenario", trigger.scenario
    for position, reporter in enumerate(scenario.reporters):
        yield ("scenarios", name, "reporters", position, "channel"), "channel", reporter.channel


def _watched_in_vain(project: Project, name: str, scenario: Scenario) -> Iterator[tuple[Location, str, str]]:
    """Data whose files are watched, and that have none."""
    for position, trigger in enumerate(scenario.triggers):
        source = project.data.get(trigger.data) if isinstance(trigger, DatasetChange) else None
        if source is not None and source.path is None:
            where = ("scenarios", name, "triggers", position, "data")
            yield where, "its rows are those of a query, and no file changes", "take kind: sql_change"


def unfit_settings(project: Project) -> Iterator[tuple[Location, str, str]]:
    """Every setting of a store that nothing can be made of, given what is predicted there."""
    for name, store in project.stores.items():
        if store.standalone is None and store.model not in project.models:
            continue  # that name is the problem
        kind = project.prediction_type(name)
        if store.threshold is not None and kind is not PredictionType.BINARY:
            yield ("stores", name, "threshold"), f"a {kind} model has no threshold", "remove it"
        if store.fairness and kind is PredictionType.REGRESSION:
            yield (
                ("stores", name, "fairness"),
                "fairness compares classes, and a regression model has none",
                "remove it",
            )
