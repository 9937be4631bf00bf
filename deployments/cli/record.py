"""What every command asks: which project is meant, and who acts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from governance.errors import NotFound
from governance.vocabulary import Origin
from tasks import edge

if TYPE_CHECKING:
    from governance.audit import Actor
    from governance.project_file import Project

BUNDLED = Path(__file__).parent.parent / "projects"
"""Folder of the projects that come with driftgate."""


def acting(name: str | None) -> Actor:
    """Who acts on the command line; see :func:`tasks.edge.acting`."""
    return edge.acting(name, Origin.COMMAND)


def find_project(reference: str | None) -> Project:
    """The project that a folder, a file or a name means; none: the current folder's.

    Raises:
        ProjectFileError: its file is absent or wrong.
        NotFound: no project has this name; names those that are known.
    """
    from governance.project_file import load_project

    return load_project(locate(reference))


def reference_to(project: Project) -> str:
    """What a flow is told: the folder, as people know it, or the file when it has a name of its own."""
    from governance.project_file import FILE_NAME

    return str(project.folder if project.file.name == FILE_NAME else project.file)


def locate(reference: str | None) -> Path:
    """Folder or file of the project that a reference means."""
    path = Path(reference or ".")
    if reference is None or path.exists() or path.name != reference or path.suffix in {".yaml", ".yml"}:
        return path
    folders = known_folders()
    if reference not in folders:
        raise NotFound("project", reference, sorted(folders), "name one of them, or the folder of its project.yaml")
    return folders[reference]


def known_folders() -> dict[str, Path]:
    """Projects by name: those that come with driftgate, then those on record that who is logged in may see."""
    from governance import authorisation, registry

    actor = acting(None)
    folders = {file.parent.name: file.parent for file in sorted(BUNDLED.glob("*/project.yaml"))}
    with edge.reading() as session:
        visible = authorisation.visible_projects(session, actor)
        rows = registry.list_projects(session)
        folders |= {row.name: Path(row.folder) for row in rows if visible is None or row.id in visible}
    return folders
