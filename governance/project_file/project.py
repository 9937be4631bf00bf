"""A whole ``project.yaml``, its people and its environments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import Field, PrivateAttr

from governance.errors import NotFound
from governance.project_file.models import DataSource, ModelSettings
from governance.project_file.reporters import Channel
from governance.project_file.scenarios import Scenario
from governance.project_file.section import Key, Section
from governance.project_file.watched import Store
from governance.vocabulary import OnApproval, Policy, PredictionType

Declared = TypeVar("Declared")


class People(Section):
    """Who may do what to a sign-off. Assigned once, on the project."""

    writers: list[str] = Field(default=[], description="Request, abandon, reset.")
    reviewers: dict[Key, list[str]] = Field(default={}, description="Feedback group: its members.")
    final_approvers: list[str] = Field(default=[], description="Approve, reject, abandon.")
    separation_of_duties: bool = Field(default=False, description="Who trained or requested may not approve.")


class EnvironmentSettings(Section):
    """Where a version can be active."""

    policy: Policy = Policy.PREVENT
    on_approval: OnApproval = Field(
        default=OnApproval.NOTHING, description="activate: a version that is approved goes live, if the gate lets it."
    )


class Project(Section):
    """A whole ``project.yaml``."""

    project: Key
    description: str = ""
    data: dict[Key, DataSource] = Field(min_length=1)
    models: dict[Key, ModelSettings] = Field(default={}, description="None are needed where every store is standalone.")
    stores: dict[Key, Store] = Field(default={})
    scenarios: dict[Key, Scenario] = Field(default={})
    channels: dict[Key, Channel] = Field(default={}, description="Where reporters and notify steps send to.")
    people: People = People()
    environments: dict[Key, EnvironmentSettings] = Field(default={"prod": EnvironmentSettings()}, min_length=1)
    monitored_environment: Key = Field(default="prod", description="Where evaluations look for the active version.")

    _file: Path = PrivateAttr(default=Path())

    @property
    def file(self) -> Path:
        """The file it was read from."""
        return self._file

    @property
    def folder(self) -> Path:
        """Folder of the file; the paths inside are relative to it."""
        return self._file.parent

    def model(self, name: str | None = None) -> tuple[Key, ModelSettings]:
        """The model of that name, or the only one. Raises :class:`NotFound` with the known names."""
        return _pick("model", self.models, name)

    def store(self, name: str) -> Store:
        """The store of that name. Raises :class:`NotFound` with the known names."""
        return _pick("store", self.stores, name)[1]

    def prediction_type(self, store: str) -> PredictionType:
        """What is predicted where the store of that name looks. Raises :class:`NotFound` with the known names."""
        declared = self.store(store)
        if declared.standalone is not None:
            return declared.standalone.prediction_type
        return self.model(declared.model)[1].prediction_type

    def scenario(self, name: str | None = None) -> tuple[Key, Scenario]:
        """The scenario of that name, or the only one. Raises :class:`NotFound` with the known names."""
        return _pick("scenario", self.scenarios, name)


def _pick(kind: str, known: Mapping[str, Declared], name: str | None) -> tuple[str, Declared]:
    if not known:
        raise NotFound(kind, name or "default", (), f"declare one under {kind}s in project.yaml")
    if name is None and len(known) == 1:
        return next(iter(known.items()))
    if name is None:
        raise NotFound("default", kind, sorted(known), "name one of them")
    if name not in known:
        raise NotFound(kind, name, sorted(known), "name one of them")
    return name, known[name]
