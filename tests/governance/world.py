"""A small world to govern: one project with people, one model, three environments, and versions on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, inspect
from sqlmodel import Session, select

from governance.artifacts import file_sha256, write_folder
from governance.audit import Actor, Tag
from governance.database import transaction
from governance.items import item_of
from governance.project_file import Project
from governance.registry import activate, find_environment, find_model, record_version, register_project
from governance.signoff import Request, show, sign
from governance.tables import Activation, AuditEvent, EnvironmentRow, Item, ModelRow, ModelVersion, SignOff
from governance.vocabulary import Measurement, SignOffAction

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
WILL, ROSA, FINN, OTTO = Actor("will"), Actor("rosa"), Actor("finn"), Actor("otto")
"""Will writes, Rosa reviews for risk, Finn approves, Otto is nobody here."""


def declaration(**changes: Any) -> Project:
    """The project file of the world."""
    return Project.model_validate(
        {
            "project": "credit",
            "data": {"training": {"path": "t.csv"}, "current": {"path": "c.csv"}},
            "models": {"fraud": {"target": "y", "prediction_type": "binary"}},
            "stores": {"monthly": {"model": "fraud"}},
            "environments": {
                "dev": {"policy": "always"},
                "test": {"policy": "warn"},
                "prod": {"policy": "prevent"},
            },
            "people": {
                "writers": ["will"],
                "reviewers": {"risk": ["rosa", "raul"], "it": ["ines", "raul"]},
                "final_approvers": ["finn", "flora"],
            },
            **changes,
        }
    )


@dataclass
class World:
    """What a test acts on; every act is its own transaction, one minute after the one before."""

    engine: Engine
    artifacts: Path
    acts: int = field(default=0)

    def now(self) -> datetime:
        self.acts += 1
        return NOON + timedelta(minutes=self.acts)

    def register(self, **changes: Any) -> None:
        with transaction(self.engine) as session:
            register_project(session, declaration(**changes), actor=WILL, at=self.now())

    def model(self, project: str = "credit") -> ModelRow:
        with Session(self.engine) as session:
            return find_model(session, project, "fraud")

    def environment(self, name: str, project: str = "credit") -> EnvironmentRow:
        with Session(self.engine) as session:
            return find_environment(session, project, name)

    def version(self, *, trained_by: Actor = WILL, project: str = "credit") -> ModelVersion:
        relative = f"{project}/fraud/{self.acts}"
        with write_folder(self.artifacts, relative) as folder:
            for name in ("model.skops", "reference.parquet", "report.json"):
                (folder / name).write_text(f"{name} of {relative}")
            files = {file.name: file_sha256(file) for file in folder.iterdir()}
        with transaction(self.engine) as session:
            return record_version(
                session,
                find_model(session, project, "fraud"),
                folder=relative,
                manifest={"project": project, "model": "fraud", "files": files, "threshold": 0.5, "classes": {0: "n"}},
                metrics=[Measurement("roc_auc", 0.9, 0.88, 0.92, 1_000)],
                diagnostics=[{"name": "small_test", "message": "the test set is small"}],
                actor=trained_by,
                at=self.now(),
            )

    def item(self, version: ModelVersion) -> Item:
        with Session(self.engine) as session:
            return item_of(session, version)

    def sign_off(self, version: ModelVersion) -> SignOff:
        with Session(self.engine) as session:
            return session.get_one(SignOff, item_of(session, version).id)

    def shown(self, version: ModelVersion) -> dict[str, Any]:
        with Session(self.engine) as session:
            return show(session, item_of(session, version))

    def sign(self, version: ModelVersion, action: SignOffAction, actor: Actor, **details: Any) -> SignOff:
        with transaction(self.engine) as session:
            request = Request(item_of(session, version), action, actor, **details)
            return sign(session, request, artifacts=self.artifacts, at=self.now())

    def approved_version(self) -> ModelVersion:
        version = self.version()
        self.sign(version, SignOffAction.REQUEST_APPROVAL, WILL)
        self.sign(version, SignOffAction.APPROVE, FINN)
        return version

    def activate(
        self,
        version: ModelVersion,
        environment: str = "prod",
        *,
        project: str = "credit",
        actor: Actor = FINN,
        **details: Any,
    ) -> Activation:
        with transaction(self.engine) as session:
            where = find_environment(session, project, environment)
            return activate(session, version, where, artifacts=self.artifacts, actor=actor, at=self.now(), **details)

    def read(self, kind: type[Any]) -> list[Any]:
        with Session(self.engine) as session:
            return list(session.exec(select(kind).order_by(*inspect(kind).primary_key)).all())

    def trail(self) -> list[tuple[Tag, str]]:
        with Session(self.engine) as session:
            events = session.exec(select(AuditEvent).order_by(AuditEvent.id)).all()
            return [(Tag(event.tag), event.actor) for event in events]
