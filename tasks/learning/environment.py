"""What a model was made with: versions of packages, revision of the code."""

from __future__ import annotations

import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES: Final = ("scikit-learn", "numpy", "pandas", "scipy", "skops", "driftgate")
"""Those whose version can change what a stored model predicts."""

UNKNOWN: Final = "unknown"


def package_versions() -> dict[str, str]:
    """Version of Python and of each package that shapes a model; ``unknown`` when it is not installed.

    >>> sorted(package_versions())
    ['driftgate', 'numpy', 'pandas', 'python', 'scikit-learn', 'scipy', 'skops']
    """
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def code_revision(folder: Path) -> str:
    """The git commit that ``folder`` is at, 40 hexadecimal digits.

    Args:
        folder: Anywhere inside a working tree.

    Returns:
        With ``+changed`` behind it when a tracked file differs from the commit; ``unknown`` when git or a
        repository or a commit is missing. Files that git does not track don't count: data and results lie there.
    """
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    if commit is None or changes is None:
        return UNKNOWN
    return f"{commit}+changed" if changes else commit


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return UNKNOWN


def _git(folder: Path, *arguments: str) -> str | None:
    program = shutil.which("git")
    if program is None or not folder.is_dir():
        return None
    # A repository's own configuration may name programs to run; looking at it must start none, nor take its lock.
    command = [program, "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603  no shell
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
