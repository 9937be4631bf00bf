"""Where things are kept. Read once, at the edge, from the environment (prefix ``DRIFTGATE_``)."""

from __future__ import annotations

import os
import re
from functools import cache
from getpass import getuser
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from governance.errors import UnreadableFile


def _user_of_the_system() -> str:
    """Name of the user; their number where nobody gave them a name, as in many containers."""
    try:
        return getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


class Settings(BaseSettings):
    """One frozen set of settings.

    Example:
        >>> Settings(home=Path("/srv/driftgate")).artifacts_folder.as_posix()
        '/srv/driftgate/artifacts'
    """

    model_config = SettingsConfigDict(env_prefix="DRIFTGATE_", frozen=True, extra="ignore")

    home: Path = Field(
        default=Path(__file__).resolve().parents[1] / ".driftgate",
        description="Folder of the database, the artifacts and Prefect's own data; default: in the checkout.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="postgresql://user:password@host/name or sqlite:///file; default: SQLite in the home folder.",
    )
    user: str = Field(
        default_factory=_user_of_the_system,
        description="Who acts when nobody is named; default: the name of the system's user.",
    )

    @property
    def database(self) -> str:
        """The SQLAlchemy URL, password included; never log it. Raises: UnreadableFile, it is of no database we know."""
        if self.database_url is None:
            return f"sqlite:///{(self.home / 'driftgate.db').resolve()}"
        url = self.database_url.get_secret_value()
        scheme, colon, rest = url.partition(":")
        if colon and scheme in {"postgres", "postgresql", "postgresql+psycopg"}:
            return f"postgresql+psycopg:{rest}"
        if colon and scheme == "sqlite":
            return url
        # What stands before a colon may be a part of a password where somebody forgot the scheme.
        known = re.fullmatch(r"[a-z][a-z0-9+]*", scheme) and rest.startswith("//")
        raise UnreadableFile(
            "DRIFTGATE_DATABASE_URL",
            f"driftgate has no driver for {scheme!r}" if known else "it is no address of a database",
            "write postgresql://user:password@host/name or sqlite:///file",
        )

    @property
    def artifacts_folder(self) -> Path:
        """Folder of versions and evaluations."""
        return self.home.resolve() / "artifacts"

    @property
    def prefect_folder(self) -> Path:
        """Folder of the Prefect server that driftgate starts."""
        return self.home.resolve() / "prefect"


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
