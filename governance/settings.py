"""Where things are kept. Read once, at the edge, from the environment (prefix ``DRIFTGATE_``)."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from contextlib import suppress
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

    token: SecretStr | None = Field(
        default=None, description="Who you are: an API token, or what 'driftgate log-in' would keep for you."
    )
    audit_key: SecretStr | None = Field(
        default=None, description="Seals the audit trail; default: made once and kept in the home folder."
    )
    mail_url: SecretStr | None = Field(
        default=None,
        description="Where notices go, as Apprise writes it, e.g. mailtos://user:password@host?from=driftgate@host; "
        "default: they are kept and not sent.",
    )
    public_url: str = Field(default="http://127.0.0.1:4300", description="Where people reach the pages and the API.")
    oidc_issuer: str | None = Field(default=None, description="Address of an OpenID Connect provider.")
    oidc_client_id: str | None = Field(default=None, description="As the provider knows driftgate.")
    oidc_client_secret: SecretStr | None = Field(default=None, description="What the provider gave driftgate.")

    @property
    def audit_key_bytes(self) -> bytes:
        """What seals the audit trail. Kept outside of the database: who can write there can't make seals."""
        if self.audit_key is not None:
            return self.audit_key.get_secret_value().encode()
        file = self.home.resolve() / "audit.key"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=file.parent)  # readable for its owner only
            with os.fdopen(handle, "w", encoding="ascii") as stream:
                stream.write(secrets.token_hex(32))
            with suppress(FileExistsError):  # another process was first: its key holds
                file.hardlink_to(temporary)
            Path(temporary).unlink()
        return file.read_bytes()

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
