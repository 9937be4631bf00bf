"""What is right in a ``project.yaml`` and may disappoint all the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from governance.errors import NotFound
from governance.vocabulary import ComparedWith, StepKind

if TYPE_CHECKING:
    from governance.project_file import AnyCheck, ModelSettings, Project, Standalone, Store
    from tasks.metrics.catalogue import MetricInfo


def doubts(declared: Project) -> Iterator[str]:
    """One sentence for each: checks that would be EMPTY for ever, data and functions that are not there yet."""
    yield from _useless_checks(declared)
    yield from _unknown_metrics(declared)
    yield from _absent_data(declared)
    yield from _absent_functions(declared)
    yield from _absent_variables(declared)


def _useless_checks(declared: Project) -> Iterator[str]:
    """Checks on metrics that no evaluation of their store will ever have."""
    for name, store in declared.stores.items():
        for check in store.checks:
            for doubt in [*_useless(declared, name, check)][:1]:
                yield f"check {check.name!r} of store {name!r}: {doubt}"


def _useless(declared: Project, store: str, check: AnyCheck) -> Iterator[str]:
    for metric in _metrics_of(check):
        if (doubt := _never_there(declared, store, metric)) is not None:
            yield doubt
    if check.type == "compare" and check.compared_with is ComparedWith.REFERENCE:
        settings = declared.store(store).standalone or declared.model(declared.store(store).model)[1]
        if (lacking := _not_on_reference(check.metric, declared.store(store), settings)) is not None:
            yield f"{lacking}, so it will always be EMPTY"


def _metrics_of(check: AnyCheck) -> list[str]:
    """The metrics that a check names; a function may look at any."""
    if check.type == "python":
        return []
    if check.type == "compare" and check.other_metric is not None:
        return [check.metric, check.other_metric]
    return [check.metric]


def _never_there(declared: Project, name: str, looked_at: str) -> str | None:
    """Why a metric will never have a value in a store; ``None``: it may have one."""
    from tasks.metrics import catalogue

    store, kind = declared.store(name), declared.prediction_type(name)
    settings = store.standalone or declared.model(store.model)[1]
    try:
        metric = catalogue.info(looked_at)
    except NotFound as unknown:
        return str(unknown)
    if kind not in metric.prediction_types:
        return f"a {kind} model has no {looked_at}, so it will always be EMPTY"
    if metric.needs_labels and not store.asks_for_labels:
        why = "says performance: false" if store.performance is False else "names no target"
        return f"{looked_at} needs labels, and the store {why}"
    lacking = _lacking(looked_at, metric, store, settings)
    return None if lacking is None else f"{looked_at} needs {lacking}, so it will always be EMPTY"


def _not_on_reference(name: str, store: Store, settings: ModelSettings | Standalone) -> str | None:
    """Why a metric is not known of the reference: it is where its change is, or both sides are kept."""
    from tasks.metrics import catalogue

    if name.startswith("fugacity.") and name.endswith(".current"):
        return None
    if name.startswith("segment.") and name.endswith(".share"):
        return None
    try:
        change = catalogue.info(f"{name}_drift")
    except NotFound:
        return f"{name} is not measured on the reference"
    lacking = _lacking(change.name, change, store, settings)
    return None if lacking is None else f"{name} on the reference needs {lacking}"


def _unknown_metrics(declared: Project) -> Iterator[str]:
    """Metrics to focus on, or to be better in, that such models don't have."""
    from tasks.metrics import catalogue

    for name, model in declared.models.items():
        known = [*(m.name for m in catalogue.performance_metrics(model.prediction_type))]
        known += [f"custom.{each}" for each in model.custom_metrics]
        for setting, metric in (("metric", model.metric), ("activation.metric", model.activation.metric)):
            if metric is not None and metric not in known:
                yield f"{setting} of model {name!r}: such a model has no {metric!r}; use one of {', '.join(known)}"


def _lacking(name: str, metric: MetricInfo, store: Store, settings: ModelSettings | Standalone) -> str | None:
    """What a metric needs and the file does not declare."""
    part, _, rest = name.partition(".")
    if name.removesuffix("_drift") == "cost_gain" and settings.cost_matrix is None:
        return "a cost_matrix"
    if part == "custom" and not {rest, rest.removesuffix("_drift")} & {*settings.custom_metrics}:
        return f"a function {rest!r} under custom_metrics"
    if part == "segment" and not any(rest.startswith(f"{each.column}.") for each in store.segments):
        return "its column under segments"
    if part == "fairness" and not any(rest.startswith(f"{each.attribute}.") for each in store.fairness):
        return "its attribute under fairness"
    # Shares of segments, groups and classes are those of the current data alone.
    compares = name.endswith("_drift") or (not metric.needs_labels and part not in {"segment", "fairness", "fugacity"})
    if compares and store.standalone is not None and store.standalone.reference is None:
        return "a reference, which the standalone store does not name"
    return None


def _absent_data(declared: Project) -> Iterator[str]:
    """Data sources that have no file yet, or no database; they may appear later."""
    from tasks.data.sources import parts

    for name, source in declared.data.items():
        subject = f"data source {name!r}"
        if source.path is None:
            if source.url_variable not in os.environ:
                yield f"{subject}: the environment variable {source.url_variable} is not set here"
        elif not (parts(declared, name) if "*" in source.path else (declared.folder / source.path).exists()):
            yield f"{subject}: there is no file {source.path} in {declared.folder} yet"


def _absent_functions(declared: Project) -> Iterator[str]:
    """Files of functions that are not beside the project.yaml."""
    for subject, place in _functions(declared):
        file = place.partition(":")[0]
        if not (declared.folder / file).is_file():
            yield f"{subject}: there is no file {file} in {declared.folder} yet"


def _functions(declared: Project) -> Iterator[tuple[str, str]]:
    """Every function of the project's own: what names it, and where it is."""
    for name, model in declared.models.items():
        for metric, place in model.custom_metrics.items():
            yield f"custom metric {metric!r} of model {name!r}", place
    for name, store in declared.stores.items():
        for metric, place in (store.standalone.custom_metrics if store.standalone else {}).items():
            yield f"custom metric {metric!r} of store {name!r}", place
        for check in store.checks:
            if check.type == "python":
                yield f"check {check.name!r} of store {name!r}", check.function
    for name, scenario in declared.scenarios.items():
        for step in scenario.steps:
            if step.kind is StepKind.PYTHON:
                yield f"step {step.name!r} of scenario {name!r}", step.function


def _absent_variables(declared: Project) -> Iterator[str]:
    """Environment variables that hold an address, and are not set."""
    wanted = [(f"channel {name!r}", channel.url_variable) for name, channel in declared.channels.items()]
    for name, scenario in declared.scenarios.items():
        steps = [step for step in scenario.steps if step.kind is StepKind.SQL]
        wanted += [(f"step {step.name!r} of scenario {name!r}", step.url_variable) for step in steps]
        queries = [trigger for trigger in scenario.triggers if trigger.kind == "sql_change"]
        wanted += [(f"trigger sql_change of scenario {name!r}", trigger.url_variable) for trigger in queries]
    for subject, variable in wanted:
        if variable not in os.environ:
            yield f"{subject}: the environment variable {variable} is not set here"
