"""An environment of its own for every peer: their pins exclude each other, and ours exclude most of theirs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
OURS: Final = Path(sys.prefix)
MARKER: Final = ".complete"

REQUIREMENTS: Final[dict[str, tuple[str, ...]]] = {
    "evidently": ("evidently==0.7.23", "pandas>=3.0,<3.1", "numpy>=2.4,<2.5", "pyarrow>=21"),
    # statsmodels is imported by NannyML, but not asked for.
    "nannyml": ("nannyml==0.13.1", "statsmodels", "pyarrow"),
    "alibi-detect": ("alibi-detect==0.13.0", "numpy<2", "pandas<3", "pyarrow<22"),
    "frouros": ("frouros==0.9.0", "pandas<3", "pyarrow"),
    "popmon": ("popmon==1.4.12", "pandas<3", "pyarrow"),
    "whylogs": ("whylogs[viz]==1.6.4", "numpy<2", "pandas<3", "pyarrow<22"),
    # pkg_resources, which deepchecks imports, left setuptools with version 80 and later ones.
    "deepchecks": ("deepchecks==0.19.1", "scikit-learn==1.4.2", "pandas<2.3", "numpy<2", "setuptools<80", "pyarrow<22"),
}
"""What each environment is made of; versions that are left open are whatever fits when it is made."""


class Unavailable(Exception):
    """A tool can't be run here; the text says why."""


@dataclass(frozen=True)
class Environments:
    """Environments below one folder, each made when it is first asked for.

    Args:
        folder: Where they are kept.
        limit: Seconds that making one may take.
    """

    folder: Path
    limit: float = 1800

    def python(self, name: str | None) -> Path:
        """The interpreter of an environment; ``None`` is the one that runs this script.

        Raises:
            Unavailable: it could not be made.
        """
        if name is None:
            return Path(sys.executable)
        requirements = REQUIREMENTS[name]
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        digest = hashlib.sha256("\n".join([version, *requirements]).encode()).hexdigest()[:10]
        home = self.folder / f"{name}-{digest}"
        python = home / "bin" / "python"
        if not (home / MARKER).exists():
            say(f"making the environment of {name} in {home}")
            shutil.rmtree(home, ignore_errors=True)
            self._make(home, python, requirements)
            (home / MARKER).touch()
        return python

    def _make(self, home: Path, python: Path, requirements: tuple[str, ...]) -> None:
        home.parent.mkdir(parents=True, exist_ok=True)
        uv = find_uv()
        try:
            if uv:
                _run([uv, "venv", "--quiet", "--python", sys.executable, str(home)], self.limit)
                _run([uv, "pip", "install", "--quiet", "--python", str(python), *requirements], self.limit)
            else:
                _run([sys.executable, "-m", "venv", str(home)], self.limit)
                _run([str(python), "-m", "pip", "install", "--quiet", *requirements], self.limit)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"installing it took more than {self.limit:.0f} s") from None
        except OSError as problem:
            raise Unavailable(str(problem)) from problem


def find_uv() -> str | None:
    """Where uv is, looked for as the Makefile does: the variable UV, the path, .uv/bin/uv."""
    candidates = (os.environ.get("UV") or "uv", "uv", str(ROOT / ".uv" / "bin" / "uv"))
    return next((found for found in map(shutil.which, candidates) if found), None)


def _run(command: list[str], limit: float) -> None:
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, env=environment, check=False)
    if done.returncode:
        last = [line for line in done.stderr.strip().splitlines() if line.strip()][-3:]
        raise Unavailable(f"{Path(command[0]).name} {command[1]} failed: {' '.join(last)[:400]}")


def say(text: str, end: str = "\n") -> None:
    """Progress, on standard error."""
    sys.stderr.write(text + end)
    sys.stderr.flush()


def main() -> int:
    """Make all of them ahead of time."""
    environments = Environments(default_cache() / "environments")
    failed = 0
    for name in sys.argv[1:] or REQUIREMENTS:
        try:
            say(f"{name}: {environments.python(name)}")
        except Unavailable as problem:
            failed += 1
            say(f"{name}: {problem}")
    return failed


def default_cache() -> Path:
    """Where environments and data are kept unless told otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "driftgate-benchmarks"


if __name__ == "__main__":
    raise SystemExit(main())
