"""What stands in the document of a model version, chapter by chapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from governance.vocabulary import Measurement
from tasks.documents.facts import Judged, VersionFacts
from tasks.documents.parts import Chapter, Course, Document, Part, Points, Sentence, Table, shown
from tasks.metrics.catalogue import METRICS

EVERY_THRESHOLD: Final = 5
"""Of the hundred and one thresholds, those that are a multiple of so many hundredths are shown, and the one in force."""

DRIFT: Final = ("data_drift", "drifted_columns_share", "prediction_drift.psi")
"""What is shown of every evaluation besides the metric to focus on."""


def document_of(facts: VersionFacts) -> Document:
    """The document of a version: what it is, what it was made of, how good it was and is, and who stands for it."""
    title = f"{facts.project} / {facts.model} / version {facts.version}"
    lead = f"Written by driftgate at {shown(facts.written_at)} from its record. {facts.description}".strip()
    chapters = [
        Chapter("Summary", _summary(facts)),
        Chapter("Design", _design(facts)),
        Chapter("Data", _data(facts)),
        Chapter("Performance on the test part", [_measured(facts.measurements)]),
        Chapter("Thresholds", _thresholds(facts)),
        Chapter("What the model leans on", _importances(facts)),
        Chapter("Diagnostics", _diagnostics(facts)),
        Chapter("Evaluations and drift over time", _evaluations(facts)),
        Chapter("Sign-off", _sign_off(facts.sign_off)),
        Chapter("Activations", _activations(facts)),
        Chapter("Lineage", _lineage(facts)),
    ]
    return Document(title, lead, [chapter for chapter in chapters if chapter.parts])


def _facts(rows: Sequence[tuple[str, Any]]) -> Table:
    return Table(("", ""), rows)


def _summary(facts: VersionFacts) -> list[Part]:
    schema, focus = facts.manifest["schema"], facts.metric_to_focus
    measured = next((m for m in facts.measurements if m.name == focus), None)
    return [
        _facts(
            [
                ("predicts", f"{schema['target']} ({schema['prediction_type']})"),
                (_title(focus), _with_ends(measured)),
                ("active in", list(facts.active_in) or "no environment"),
                ("sign-off", facts.sign_off["status"]),
                ("trained", f"{shown(facts.trained_at)} by {facts.trained_by}"),
                ("diagnostics", len(facts.diagnostics)),
                ("evaluations", len(facts.evaluations) + facts.earlier_evaluations),
            ]
        )
    ]


def _design(facts: VersionFacts) -> list[Part]:
    manifest, schema = facts.manifest, facts.manifest["schema"]
    settings = [
        ("estimator", manifest["estimator"]),
        *((f"parameter {name}", value) for name, value in manifest["parameters"].items()),
        ("classes", schema["classes"]),
        ("threshold in force", manifest["threshold"]),
        ("fitted again on all rows", manifest["refit_on_full"]),
        *((f"measured by {name}", value) for name, value in manifest.get("measured_by", {}).items()),
    ]
    features = [(column["name"], column["handling"]) for column in _columns(schema)]
    return [_facts(settings), Table(("feature", "handling"), features)]


def _columns(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(schema["features"])


def _data(facts: VersionFacts) -> list[Part]:
    manifest = facts.manifest
    data, rows, split = manifest["data"], manifest["rows"], manifest["split"]
    return [
        _facts(
            [
                ("trained on", data["name"]),
                ("rows", data["rows"]),
                ("rows fitted on", rows["train"]),
                ("rows measured on", rows["test"]),
                ("rows without a label, left out", rows["dropped"]),
                ("rows kept as reference", facts.reference_rows),
                ("split", f"{split['method']}, {split['test_share']:.0%} to measure on, seed {split['seed']}"),
                ("time column", manifest["schema"]["time_column"]),
            ]
        ),
        Table(("data", "SHA-256"), list(zip(data["name"].split(" + "), data["fingerprints"], strict=False))),
    ]


def _measured(measurements: Sequence[Measurement]) -> Table:
    rows = [(_title(m.name), m.value, m.lower, m.upper, m.rows, m.reason) for m in measurements]
    return Table(("metric", "value", "from", "to", "rows", "why there is none"), rows)


def _thresholds(facts: VersionFacts) -> list[Part]:
    in_force = facts.manifest["threshold"]
    chosen = [
        row
        for place, row in enumerate(facts.thresholds)
        if place % EVERY_THRESHOLD == 0 or (in_force is not None and abs(row["threshold"] - in_force) < 1e-9)
    ]
    if not chosen:
        return []
    metrics = [name for name in chosen[0] if name in METRICS]
    rows = [(row["threshold"], *(row[name] for name in metrics)) for row in chosen]
    sentence = f"Measured on the reference. The threshold in force is {shown(in_force)}."
    return [Sentence(sentence), Table(("threshold", *map(_title, metrics)), rows)]


def _importances(facts: VersionFacts) -> list[Part]:
    if not facts.importances:
        return []
    ordered = sorted(facts.importances.items(), key=lambda item: (-item[1], item[0]))
    sentence = "Share of each feature in what is lost when its values are shuffled on the test part."
    return [Sentence(sentence), Table(("feature", "share"), ordered, share_column=1)]


def _diagnostics(facts: VersionFacts) -> list[Part]:
    if not facts.diagnostics:
        return [Sentence("Nothing was suspicious when the version was trained.")]
    return [Points([f"{found['name']}: {found['message']}" for found in facts.diagnostics])]


def _evaluations(facts: VersionFacts) -> list[Part]:
    if not facts.evaluations:
        return [Sentence("The version has not been evaluated since it was trained.")]
    shown_metrics = [
        name for name in (facts.metric_to_focus, *DRIFT) if any(name in judged.metrics for judged in facts.evaluations)
    ]
    rows = [
        (
            judged.at,
            judged.store,
            judged.data,
            judged.sampled_rows,
            *(_with_ends(judged.metrics.get(name)) for name in shown_metrics),
            [f"{name} {outcome}" for name, outcome in judged.checks],
        )
        for judged in facts.evaluations
    ]
    table = Table(("at", "store", "data", "rows judged", *map(_title, shown_metrics), "checks"), rows)
    courses = [course for name in shown_metrics for course in _courses(facts.evaluations, name)]
    left_out = facts.earlier_evaluations
    earlier = [Sentence(f"{left_out:,} earlier ones are left out.")] if left_out else []
    return [*earlier, *courses, table]


def _courses(evaluations: Sequence[Judged], metric: str) -> list[Course]:
    """One line per store, since each judges other data."""
    found = []
    for store in dict.fromkeys(judged.store for judged in evaluations):
        measured = [(e, e.metrics[metric].value) for e in evaluations if e.store == store and metric in e.metrics]
        known = [(judged, value) for judged, value in measured if value is not None]
        if len(known) > 1:
            ends = known[0][0].data, known[-1][0].data
            found.append(Course(f"{_title(metric)} in {store}", [value for _, value in known], ends))
    return found


def _sign_off(sign_off: Mapping[str, Any]) -> list[Part]:
    people = sign_off["people"]
    parts: list[Part] = [
        _facts(
            [
                ("status", sign_off["status"]),
                ("round", sign_off["round"]),
                ("approved until", sign_off["approved_until"]),
                ("requested by", sign_off["requested_by"]),
                *((f"reviewers, {group}", names) for group, names in people["reviewers"].items()),
                ("final approvers", people["final_approvers"]),
            ]
        ),
        *_said(sign_off["feedback"], sign_off["final_approval"]),
    ]
    for earlier in sign_off["history"]:
        parts.append(Sentence(f"Round {earlier['round']}, which ended as {shown(earlier['status'])}:"))
        parts.extend(_said(earlier["feedback"], earlier["final_approval"]))
    if sign_off["moves"]:
        rows = [(m["at"], m["actor"], m["action"], m["from"], m["to"], m["comment"]) for m in sign_off["moves"]]
        parts.append(Table(("at", "who", "what", "from", "to", "comment"), rows))
    return parts


def _said(feedback: Sequence[Mapping[str, Any]], approval: Mapping[str, Any] | None) -> list[Part]:
    rows = [(said["created_at"], said["group"], said["author"], said["verdict"], said["comment"]) for said in feedback]
    if approval is not None:
        rows.append(
            (approval["created_at"], "final approval", approval["author"], approval["verdict"], approval["comment"])
        )
    return [Table(("at", "as", "who", "verdict", "comment"), rows)] if rows else []


def _activations(facts: VersionFacts) -> list[Part]:
    if not facts.activations:
        return [Sentence("The version was never active.")]
    names = ("at", "environment", "by", "instead of", "gate", "reasons")
    return [Table(names, [tuple(activation[name] for name in names) for activation in facts.activations])]


def _lineage(facts: VersionFacts) -> list[Part]:
    manifest = facts.manifest
    return [
        _facts(
            [
                ("trained by", facts.trained_by),
                ("trained at", facts.trained_at),
                ("revision of driftgate", manifest["code_revision"]),
                ("revision of the project", manifest.get("project_revision")),
                ("digest that a sign-off approves", facts.manifest_digest),
            ]
        ),
        Table(("package", "version"), sorted(manifest["packages"].items())),
        Table(("file", "SHA-256"), sorted(manifest["files"].items())),
    ]


def _title(metric: str) -> str:
    return METRICS[metric].title if metric in METRICS else metric


def _with_ends(measured: Measurement | None) -> str:
    if measured is None or measured.value is None:
        return shown(None)
    if measured.lower is None or measured.upper is None:
        return shown(measured.value)
    return f"{shown(measured.value)} ({shown(measured.lower)} to {shown(measured.upper)})"
