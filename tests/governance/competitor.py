"""One process of several that want the same at the same time.

Says ``ready``, waits for a line, acts, says what came of it: ``won`` or the name of the error.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import Session

from governance.audit import Actor
from governance.database import open_database, transaction
from governance.items import item_of
from governance.processes import is_alive
from governance.registry import activate, find_environment, find_model, find_project, find_version, record_version
from governance.scenario_runs import open_run
from governance.signoff import Request, sign
from governance.vocabulary import SignOffAction
from tests.workplace import KEY

NOW = datetime.now(UTC)


def once(session: Session, what: str, artifacts: Path, details: dict[str, object], turn: int) -> None:
    actor = Actor(str(details.get("actor", "finn")))
    model = find_model(session, "credit", "fraud")
    if what == "record":
        files = {"model.skops": "0" * 64}
        folder = f"{actor.name}-{turn}"
        manifest = {"files": files}
        record_version(
            session, model, folder=folder, manifest=manifest, metrics=[], diagnostics=[], actor=actor, at=NOW
        )
        return
    if what == "run":
        project = find_project(session, "credit")
        open_run(
            session, project, "daily", trigger="manual", parameters={}, host="elsewhere", process_id=1, is_alive=is_alive,
            actor=actor, at=NOW,
        )  # fmt: skip
        return
    version = find_version(session, model, str(details["version"]))
    if what == "activate":
        where = find_environment(session, "credit", "prod")
        revision = int(str(details["revision"]))
        activate(session, version, where, artifacts=artifacts, actor=actor, at=NOW, expected_revision=revision)
    else:
        request = Request(
            item_of(session, version), SignOffAction(what), actor, expected_revision=int(str(details["revision"]))
        )
        sign(session, request, artifacts=artifacts, at=NOW)


def wait_for_the_start() -> None:
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()


def run(what: str, url: str, artifacts: Path, details: dict[str, object]) -> None:
    if what == "open":
        wait_for_the_start()
        open_database(url, audit_key=KEY).dispose()
        return
    engine = open_database(url, audit_key=KEY)
    with Session(engine) as session:
        find_model(session, "credit", "fraud")  # everything that is slow the first time
    wait_for_the_start()
    for turn in range(int(str(details.get("turns", 1)))):
        with transaction(engine) as session:
            once(session, what, artifacts, details, turn)


if __name__ == "__main__":
    what, url, artifacts, details = sys.argv[1:]
    try:
        run(what, url, Path(artifacts), json.loads(details))
    except Exception as error:
        print(type(error).__name__, flush=True)  # noqa: T201
    else:
        print("won", flush=True)  # noqa: T201
