"""From a path to a project, or to everything that is wrong with its file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from governance.errors import ProjectFileError
from governance.project_file.circles import circles
from governance.project_file.lines import dotted, line_of, read_content_with_lines, read_file, read_with_lines
from governance.project_file.names import misused_names, unfit_settings
from governance.project_file.project import Project
from governance.project_file.references import misused_expressions
from governance.project_file.wording import explain

FILE_NAME = "project.yaml"


def load_project(path: str | Path) -> Project:
    """Read a project, from its file or its folder.

    Raises:
        ProjectFileError: with file, line, field and remedy of the first problem.
    """
    file = find_file(path)
    return _understood(file, read_file(file))


@lru_cache(maxsize=16)
def _understood(file: Path, content: bytes) -> Project:
    """What the same bytes in the same place mean: every step of a scenario asks again."""
    return _sound(*examine(file, content))


def parse_project(content: bytes) -> Project:
    """A project from what its file holds, wherever that is. Raises: ProjectFileError as :func:`load_project`."""
    return _sound(*examine(Path(FILE_NAME), content))


def _sound(project: Project | None, problems: list[ProjectFileError]) -> Project:
    if problems or project is None:
        raise problems[0]
    return project


def find_file(path: str | Path) -> Path:
    """The ``project.yaml`` that a path to a file or to its folder means."""
    file = Path(path)
    file = file / FILE_NAME if file.is_dir() else file
    if not file.is_file():
        remedy = "name a folder with a project.yaml, or make one with 'driftgate init'"
        raise ProjectFileError(file, None, "", "there is no such file", remedy)
    return file.resolve()


def declares(folder: Path, name: str) -> bool:
    """Whether a folder has a ``project.yaml`` that says it is the project of that name.

    One that can't be read is taken to say so: it may be in the middle of a change.
    """
    file = folder / FILE_NAME
    if not file.is_file():
        return False
    try:
        document, _ = read_with_lines(file)
    except ProjectFileError:
        return True
    return isinstance(document, dict) and document.get("project") == name


def examine(file: Path, content: bytes | None = None) -> tuple[Project | None, list[ProjectFileError]]:
    """The project, if the file can be read as one, and everything that is wrong with it, by line.

    Args:
        file: Where it is.
        content: What is in it; none: what is there is read.
    """
    try:
        document, lines = read_with_lines(file) if content is None else read_content_with_lines(content, file)
        project = Project.model_validate(document)
    except ProjectFileError as problem:
        return None, [problem]
    except ValidationError as invalid:
        return None, sorted(explain(file, lines, invalid, Project, ProjectFileError), key=lambda p: p.line or 0)
    project._file = file
    found = (
        ProjectFileError(file, line_of(where, lines), dotted(where), problem, remedy)
        for wrong in (misused_names, unfit_settings, misused_expressions, circles)
        for where, problem, remedy in wrong(project)
    )
    return project, sorted(found, key=lambda p: p.line or 0)
