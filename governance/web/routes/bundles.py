"""Bundles: a project frozen and hashed, to be signed, and moved into another installation."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import Response
from pydantic import Field
from sqlmodel import col, select

from governance import bundles, registry
from governance.artifacts import copy_stream
from governance.authorisation import may, require, visible_projects
from governance.database import transaction
from governance.errors import UnreadableFile
from governance.items import item_of
from governance.listing import Listing, Page
from governance.tables import Bundle, ProjectRow
from governance.tables.columns import key_of
from governance.vocabulary import Right
from governance.web.activations import ActivationTold, activation_told, note_refused_activation
from governance.web.documents import Line, Sent, Told, example
from governance.web.downloads import downloaded_file
from governance.web.parameters import Wanted
from governance.web.routes.versions import ActivationSent, VerdictsTold
from governance.web.routes.workflows import Upload
from governance.web.routing import Act, Routes
from governance.web.visible import Name, Number, visible_bundle, visible_project

ROUTES: Final = Routes("bundles", "Hashed packages: configuration, active versions, references, code revision.")

BUNDLES: Final = Listing(
    {
        "id": col(Bundle.id),
        "number": col(Bundle.number),
        "made_by": col(Bundle.made_by),
        "made_at": col(Bundle.made_at),
        "imported": col(Bundle.imported),
    },
    key=col(Bundle.id),
    default_sort="-number",
)

OF_A_BUNDLE: Final = "/projects/{project}/bundles/{bundle}"


class BundleTold(Told):
    """A bundle."""

    id: int
    project_id: int
    number: int
    manifest_digest: str = Field(description="What a sign-off approves; the same in every installation.")
    made_by: str
    made_at: datetime
    imported: bool


class WholeBundleTold(BundleTold):
    """A bundle with all it consists of."""

    item_id: int
    versions: dict[str, int | None] = Field(description="Model: number that its version has in this installation.")
    manifest: dict[str, Any]


class BundleSent(Sent):
    """What is frozen."""

    model_config = example(environment="test", files={"project.yaml": "project: credit\n…"}, code_revision="6a37bff")

    environment: Line = Field(description="Whose active versions are packed.")
    files: dict[Line, Annotated[str, Field(max_length=500_000)]] = Field(
        max_length=100, description="The configuration: project.yaml and the files beside it that it names, as text."
    )
    code_revision: Line = Field(description="Of the code that the configuration belongs to.")
    packages: dict[Line, Line] = Field(default={}, max_length=1000, description="Name and version.")


class ActivationsTold(Told):
    """What is active now, one for each model of the bundle."""

    activations: list[ActivationTold]


@ROUTES.lists("/projects/{project}/bundles", BUNDLES, BundleTold)
def list_bundles(act: Act, project: Name, wanted: Wanted) -> Page[Bundle]:
    """The bundles of a project, latest first."""
    found = visible_project(act, project)
    return wanted.page(act.session, select(Bundle).where(Bundle.project_id == found.id), BUNDLES)


@ROUTES.reads(OF_A_BUNDLE, WholeBundleTold)
def show_bundle(act: Act, project: Name, bundle: Number) -> dict[str, Any]:
    """One bundle with its manifest."""
    return _told(act, visible_bundle(act, project, bundle))


@ROUTES.reads(f"{OF_A_BUNDLE}/verdicts", VerdictsTold)
def show_verdicts_of_bundle(act: Act, project: Name, bundle: Number) -> dict[str, Any]:
    """What the gate would say now to the bundle in each environment. The files are hashed again."""
    found = visible_bundle(act, project, bundle)
    return {"environments": registry.verdicts(act.session, found, act.house.artifacts, at=act.at)}


@ROUTES.makes("/projects/{project}/bundles", WholeBundleTold)
def make_bundle(act: Act, project: Name, body: BundleSent) -> dict[str, Any]:
    """Freeze a project: the configuration that is sent, and the versions that are active in an environment."""
    found = visible_project(act, project)
    with bundles.packed(
        act.session,
        found,
        environment=registry.find_environment(act.session, found.name, body.environment),
        artifacts=act.house.artifacts,
        files={name: text.encode() for name, text in body.files.items()},
        code_revision=body.code_revision,
        packages=body.packages,
        actor=act.actor,
        at=act.at,
    ) as packed:
        made = bundles.make_bundle(act.session, packed, artifacts=act.house.artifacts, actor=act.actor, at=act.at)
    return _told(act, made)


@ROUTES.downloads(f"{OF_A_BUNDLE}/export", method="POST")
def export_bundle(act: Act, project: Name, bundle: Number) -> Response:
    """The bundle as one file."""
    found = visible_bundle(act, project, bundle)
    name = f"{project}-bundle-{found.number}.zip"
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / name
        with (
            bundles.export_bundle(act.session, found, act.house.artifacts, target, actor=act.actor),
            transaction(act.house.engine) as session,
        ):
            bundles.note_export(session, found, name, actor=act.actor, at=act.house.clock())
        return downloaded_file(target.open("rb"), name)


@ROUTES.makes("/bundles", WholeBundleTold)
def import_bundle(act: Act, file: Upload) -> dict[str, Any]:
    """Bring in what another installation has exported. What is larger than 25 MB comes in by the command line."""
    _require_a_writer(act)
    with tempfile.TemporaryDirectory() as folder:
        sent = Path(folder) / "bundle.zip"
        with sent.open("xb") as target:
            copy_stream(file.file, target)
        store = act.house.artifacts
        try:
            with bundles.unpacked(act.session, sent, store, actor=act.actor) as parcel:
                made = bundles.import_bundle(act.session, parcel, store, actor=act.actor, at=act.at)
        except UnreadableFile as error:  # where it lay for a moment is nobody's business
            raise UnreadableFile("the file", error.problem, error.remedy) from error
    return _told(act, made)


@ROUTES.makes(f"{OF_A_BUNDLE}/activate", ActivationsTold, after_refusal=note_refused_activation)
def activate_bundle(act: Act, project: Name, bundle: Number, body: ActivationSent) -> ActivationsTold:
    """Make the versions of a bundle the active ones in an environment: all of them, or none."""
    found = visible_bundle(act, project, bundle)
    where = registry.find_environment(act.session, project, body.environment)
    made = bundles.activate_bundle(
        act.session,
        found,
        where,
        artifacts=act.house.artifacts,
        actor=act.actor,
        at=act.at,
        confirm=body.confirm,
    )
    return ActivationsTold(activations=[activation_told(act.session, one) for one in made])


def _require_a_writer(act: Act) -> None:
    """Look into no archive of somebody who writes nowhere; of which project it is, only the archive says."""
    projects = visible_projects(act.session, act.actor)
    if projects is None:
        projects = [key_of(project) for project in act.session.exec(select(ProjectRow))]
    if not any(may(act.session, act.actor, Right.WRITE, project) for project in projects):
        require(act.session, act.actor, Right.WRITE, None)


def _told(act: Act, bundle: Bundle) -> dict[str, Any]:
    return bundle.model_dump() | {
        "item_id": item_of(act.session, bundle).id,
        "versions": bundles.versions_here(act.session, bundle),
    }
