"""Show results as artifacts on the Prefect run, with the one number that matters in the title."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from httpx import HTTPError
from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.context import get_run_context
from prefect.exceptions import MissingContextError, PrefectException

from governance.vocabulary import Measurement
from tasks.checks import bounds_in_words
from tasks.metrics.catalogue import is_of_part

_WORST_COLUMNS = 10


def publish_version(made: Mapping[str, Any]) -> None:
    """A new version: its metrics on the test part and its diagnostics."""
    lines = [f"- **{d['name']}**: {d['message']}" for d in made["diagnostics"]]
    _publish(
        f"version-{made['project']}-{made['model']}",
        f"Version {made['version']} of {made['model']}: {_headline(made['metrics'], made['metric_to_focus'])}",
        [_table(("metric", "value"), sorted(made["metrics"].items())), *(["## Diagnostics", *lines] if lines else [])],
    )


def publish_evaluation(made: Mapping[str, Any], measurements: Sequence[Measurement]) -> None:
    """An evaluation: drift first, then performance, then the columns that moved most."""
    main = [m for m in measurements if not is_of_part(m.name)]
    columns = sorted(
        (
            m
            for m in measurements
            if m.name.startswith("column_drift.") and m.name.endswith(".psi") and m.value is not None
        ),
        key=lambda m: -(m.value or 0),
    )
    _publish(
        f"evaluation-{made['project']}-{made['store']}",
        f"{made['data']}: {_headline(made['metrics'], 'data_drift', made['metric_to_focus'])}",
        [
            _table(("metric", "value", "from", "to"), [(m.name, m.value, m.lower, m.upper) for m in main]),
            "## Columns that moved most",
            _table(
                ("column", "PSI"),
                [
                    (m.name.removeprefix("column_drift.").removesuffix(".psi"), m.value)
                    for m in columns[:_WORST_COLUMNS]
                ],
            ),
            *(f"> {sentence}" for sentence in (*made["notes"], *made["warnings"])),
        ],
    )


def publish_checks(project: str, checked: Mapping[str, Any]) -> None:
    """The checks of a store: outcome, value, bounds and reason of each."""
    rows = [
        (c["outcome"], c["name"], c["metric"], c["value"], bounds_in_words(c["bounds"]), c["message"])
        for c in checked["checks"]
    ]
    _publish(
        f"checks-{project}-{checked['store']}",
        ", ".join(f"{c['outcome']}: {c['message']}" for c in checked["checks"]) or "no checks",
        [_table(("outcome", "check", "metric", "value", "bounds", "message"), rows)],
    )


def publish_backfill(made: Mapping[str, Any], said: str) -> None:
    """A backfill: how every period ended."""
    rows = [
        (each["period"], each["outcome"], each["run"] or each["evaluation"], each["message"])
        for each in made["periods"]
    ]
    _publish(
        f"backfill-{made['project']}-{made['scenario'] or made['store']}",
        said,
        [_table(("period", "outcome", "run or evaluation", "message"), rows)],
    )


def _publish(key: str, title: str, parts: Sequence[str]) -> None:
    """Put it on the run; a call outside of a run (from the command line) has nowhere to put it."""
    try:
        get_run_context()
    except MissingContextError:
        return
    key = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")
    try:
        create_markdown_artifact("\n\n".join([f"# {title}", *parts]), key=key, description=title)
    except (
        PrefectException,
        HTTPError,
    ) as problem:  # what was done is on record already: not being able to show it undoes nothing
        get_run_logger().warning("%s could not be shown: %s", key, problem)


def _headline(metrics: Mapping[str, float | None], *names: str) -> str:
    found = [f"{name} {_shown(metrics[name])}" for name in names if metrics.get(name) is not None]
    return ", ".join(found) or "no metric has a value"


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *([_shown(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value).replace("|", "\\|")
