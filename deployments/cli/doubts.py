"""What is right in a ``project.yaml`` and may disappoint all the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from governance.errors import NotFound

if TYPE_CHECKING:
    from governance.project_file import ModelSettings, Project, Standalone, Store
    from tasks.metrics.catalogue import MetricInfo


def doubts(declared: Project) -> Iterator[str]:
    """One sentence for each: checks that would be EMPTY for ever, data and functions that are not there yet."""
    yield from _useless_checks(declared)
    yield from _absent_data(declared)
    yield from _absent_functions(declared)


def _useless_checks(declared: Project) -> Iterator[str]:
    """Checks on metrics that no evaluation of their store will ever have."""
    from tasks.metrics import catalogue

    for name, store in declared.stores.items():
        kind = declared.prediction_type(name)
        settings = store.standalone or declared.model(store.model)[1]
        for check in store.checks:
            subject = f"check {check.name!r} of store {name!r}"
            try:
                metric = catalogue.info(check.metric)
            except NotFound as unknown:
                yield f"{subject}: {unknown}"
                continue
            if kind not in metric.prediction_types:
                yield f"{subject}: a {kind} model has no {check.metric}, so it will always be EMPTY"
            elif metric.needs_labels and not store.asks_for_labels:
                why = "says performance: false" if store.performance is False else "names no target"
                yield f"{subject}: {check.metric} needs labels, and the store {why}"
            elif (lacking := _lacking(check.metric, metric, store, settings)) is not None:
                yield f"{subject}: {check.metric} needs {lacking}, so it will always be EMPTY"


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
    """Files of custom metrics that are not beside the project.yaml."""
    brought = [
        *((f"model {name!r}", model.custom_metrics) for name, model in declared.models.items()),
        *(
            (f"store {name!r}", each.standalone.custom_metrics)
            for name, each in declared.stores.items()
            if each.standalone
        ),
    ]
    for subject, functions in brought:
        for metric, place in functions.items():
            file = place.partition(":")[0]
            if not (declared.folder / file).is_file():
                yield f"custom metric {metric!r} of {subject}: there is no file {file} in {declared.folder} yet"
