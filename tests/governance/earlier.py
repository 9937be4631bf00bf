"""A database as an earlier release has left it: its own tables, filled row by row, since today's services know others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, MetaData, insert, select, update

from governance.artifacts import canonical_json, digest, file_sha256, write_folder

BEGAN = datetime(2026, 1, 10, 9, tzinfo=UTC)
OLD_TABLES = (
    "audit_event", "project", "assignment", "environment", "model", "scenario_run", "model_version", "step_run", "store",
    "activation", "evaluation", "sign_off", "active_version", "check_result", "feedback", "final_approval", "metric",
)  # fmt: skip

STATUSES = {
    1: "APPROVED", 2: "APPROVED", 3: "NOT_STARTED", 4: "WAITING_FOR_FEEDBACK", 5: "WAITING_FOR_APPROVAL",
    6: "REJECTED", 7: "ABANDONED", 8: "APPROVED",
}  # fmt: skip
"""Version: where its sign-off stands. The eighth is in its second round."""


def everything(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, whatever tables there are."""
    metadata = MetaData()
    with engine.connect() as connection:
        metadata.reflect(connection)
        rows = {
            name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for name, table in metadata.tables.items()
        }
    return {name: sorted(found, key=repr) for name, found in rows.items()}


def fill(engine: Engine, artifacts: Path, *, lines: int = 20) -> None:
    """People, a model with a version in every status, two of them live, evaluations, checks, runs, audit lines.

    Args:
        engine: At the revision of that release.
        artifacts: Folder of the artifact store.
        lines: How many audit lines; nobody judged their clocks then.
    """
    metadata = MetaData()
    metadata.reflect(engine)

    def at(minutes: int) -> datetime:
        return BEGAN + timedelta(minutes=minutes)

    with engine.connect().execution_options(driftgate_writing=True) as connection, connection.begin():

        def add(table: str, *rows: dict[str, Any]) -> None:
            connection.execute(insert(metadata.tables[table]), list(rows))

        add("project", {"name": "credit", "description": "d", "folder": "/old", "separation_of_duties": False,
                        "created_at": at(0)})  # fmt: skip
        roles = (("will", "writer", ""), ("rosa", "reviewer", "risk"), ("raul", "reviewer", "risk"),
                 ("raul", "reviewer", "it"), ("finn", "final_approver", ""), ("finn", "writer", ""))  # fmt: skip
        add(
            "assignment",
            *({"project_id": 1, "person": who, "role": role, "group": group} for who, role, group in roles),
        )
        policies = {"dev": "always", "test": "warn", "prod": "prevent"}
        add("environment", *({"project_id": 1, "name": name, "policy": policy} for name, policy in policies.items()))
        add("model", {"project_id": 1, "name": "fraud", "target": "y", "prediction_type": "binary",
                      "metric_to_focus": "roc_auc", "created_at": at(1)})  # fmt: skip
        for number in STATUSES:
            add("model_version", _version(artifacts, number, at(10 + number)))
        for number, status in STATUSES.items():
            rounds = 2 if number == 8 else 1
            before = "WAITING_FOR_FEEDBACK" if status == "ABANDONED" else None
            add("sign_off", {"version_id": number, "status": status, "status_before_abandon": before,
                             "revision": number, "round": rounds, "requested_by": ["will"], "notified": ["rosa"],
                             "changed_at": at(40 + number)})  # fmt: skip
            for each in range(1, rounds + 1):
                if number > 3:
                    add("feedback", *({"version_id": number, "round": each, "group": group, "author": author,
                                       "verdict": "MINOR_ISSUE", "comment": f"é {number}.{each}", "created_at": at(30),
                                       "edited_at": at(31) if group == "it" else None}
                                      for group, author in (("risk", "rosa"), ("it", "raul"))))  # fmt: skip
                verdict = "REJECTED" if each < rounds else status
                if verdict in {"APPROVED", "REJECTED"}:
                    content = connection.execute(
                        select(metadata.tables["model_version"].c.manifest_digest).filter_by(id=number)
                    ).scalar_one()
                    add("final_approval", {"version_id": number, "round": each, "author": "finn", "verdict": verdict,
                                           "comment": "", "content_digest": content, "created_at": at(50),
                                           "edited_at": None})  # fmt: skip
        places = ((1, 3, None), (2, 3, 1), (3, 1, None))
        add("activation", *({"model_id": 1, "environment_id": where, "version_id": version,
                             "previous_version_id": previous, "decision": "ALLOWED", "reasons": [], "confirmed": False,
                             "activated_by": "finn", "activated_at": at(60)}
                            for version, where, previous in places))  # fmt: skip
        active = metadata.tables["active_version"]
        add("active_version", *({"model_id": 1, "environment_id": where, "version_id": version, "activation_id": key,
                                 "revision": 1} for key, version, where in ((1, 1, 3), (3, 3, 1))))  # fmt: skip
        connection.execute(update(active).filter_by(environment_id=3).values(version_id=2, activation_id=2, revision=2))
        add("store", {"project_id": 1, "model_id": 1, "name": "monthly", "performance": True})
        for number in (0, 1):
            name = f"e{number}"
            add("evaluation", {"id": name, "store_id": 1, "version_id": number + 1, "name": name, "data": "c",
                               "data_fingerprint": "0" * 64, "rows": 10, "sampled_rows": 10, "labelled_rows": None,
                               "labels": {"month": "June"}, "warnings": [], "folder": f"evaluations/{name}",
                               "files": {}, "evaluated_by": "rosa", "evaluated_at": at(70 + number)})  # fmt: skip
            add("metric", {"evaluation_id": name, "name": "data_drift", "value": 0.5 + number / 10, "lower": None,
                           "upper": None, "rows": 10, "reason": ""})  # fmt: skip
            add("check_result", {"evaluation_id": name, "name": "drift", "type": "metric", "metric": "data_drift",
                                 "outcome": "ERROR", "value": 0.5, "bounds": {"error_above": 0.1}, "message": "m",
                                 "checked_at": at(72)})  # fmt: skip
        add("scenario_run", {"project_id": 1, "scenario": "daily", "trigger": "manual", "parameters": {},
                             "outcome": "SUCCESS", "reason": "", "flow_run_id": None, "host": "h", "process_id": 1,
                             "started_by": "will", "started_at": at(80), "ended_at": at(81)})  # fmt: skip
        add("step_run", {"run_id": 1, "position": 1, "name": "s", "kind": "train", "outcome": "SUCCESS", "message": "",
                         "result": {}, "started_at": at(80), "ended_at": at(81)})  # fmt: skip
        add("audit_event", *(_line(connection, metadata, number, at) for number in range(1, lines + 1)))


def _version(artifacts: Path, number: int, at: datetime) -> dict[str, Any]:
    relative = f"credit/fraud/{number}"
    with write_folder(artifacts, relative) as folder:
        for name in ("model.skops", "reference.parquet", "report.json"):
            (folder / name).write_text(f"{name} of {relative}")
        files = {file.name: file_sha256(file) for file in folder.iterdir()}
    metrics = [{"name": "roc_auc", "value": 0.9, "lower": 0.88, "upper": 0.92, "rows": 1_000, "reason": ""}]
    manifest = {"project": "credit", "model": "fraud", "files": files, "metrics": metrics, "diagnostics": []}
    assert canonical_json(manifest)
    return {
        "model_id": 1, "number": number, "folder": relative, "manifest": manifest, "manifest_digest": digest(manifest),
        "metrics": metrics, "diagnostics": [], "trained_by": "will", "trained_at": at,
    }  # fmt: skip


def _line(connection: Any, metadata: MetaData, number: int, at: Any) -> dict[str, Any]:
    """First that versions were recorded, then that some were approved, then whatever; every seventh line is an hour late."""
    line = {"at": at(number - (60 if number % 7 == 0 else 0)), "actor": "will", "origin": "command", "before": None}
    if number in STATUSES:
        versions = metadata.tables["model_version"].c
        content, folder = connection.execute(
            select(versions.manifest_digest, versions.folder).where(versions.number == number)
        ).one()
        after = {"manifest_digest": content, "folder": folder}
        return line | {"tag": "version:recorded", "subject": f"credit/fraud/{number}", "after": after}
    approved = [version for version, status in STATUSES.items() if status == "APPROVED"]
    if number <= len(STATUSES) + len(approved):
        subject = f"credit/fraud/{approved[number - len(STATUSES) - 1]}"
        said = {"tag": "sign_off:approve", "subject": subject, "after": {"status": "APPROVED"}}
        return line | said | {"at": at(50), "actor": "finn"}
    return line | {"tag": "project:changed", "subject": "credit", "before": {"n": 0}, "after": {"é": number / 3}}
