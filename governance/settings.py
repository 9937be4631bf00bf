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
from typing import Final

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from governance.errors import NotLoggedIn, UnreadableFile, UnusableValue

SHORTEST_KEY: Final = 16
"""Bytes of the key that seals the audit trail."""


def _user_of_the_system() -> str:
    """Name of the user; their number where nobody gave them a name, as in many containers."""
    try:
        return getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def make_for_owner(folder: Path) -> None:
    """Make a folder that nobody but its owner can enter, and what is missing above it; what is there stays as it is."""
    if not folder.is_dir():
        make_for_owner(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def write_for_owner(file: Path, text: str) -> None:
    """Write a file that nobody but its owner can read, at once and whole."""
    temporary = _temporary_for_owner(file, text)
    try:
        temporary.replace(file)
    except OSError:
        temporary.unlink()
        raise


def _temporary_for_owner(file: Path, text: str) -> Path:
    """A file beside the one that is meant, with its text."""
    make_for_owner(file.parent)
    handle, name = tempfile.mkstemp(dir=file.parent)  # readable for its owner only
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError:
        temporary.unlink()
        raise
    return temporary


def _usable_key(source: str, key: bytes) -> bytes:
    if len(key) < SHORTEST_KEY:
        problem = f"a key of {len(key)} bytes seals no audit trail, it takes {SHORTEST_KEY} at least"
        raise UnusableValue(source, problem, "give the key that has sealed the trail so far, or a long random one")
    return key


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
    longest_pause_days: int = Field(
        default=366,
        ge=1,
        le=36_500,
        description="An act that comes later after the last one is refused, since the clock may be wrong; "
        "raise it to go on after a longer pause.",
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
        """What seals the audit trail. Kept outside of the database: who can write there can't make seals.

        Raises:
            UnusableValue: it is so short that somebody could guess it.
        """
        if self.audit_key is not None:
            return _usable_key("DRIFTGATE_AUDIT_KEY", self.audit_key.get_secret_value().encode())
        file = self.home.resolve() / "audit.key"
        if not file.exists():
            temporary = _temporary_for_owner(file, secrets.token_hex(32))
            with suppress(FileExistsError):  # another process was first: its key holds
                file.hardlink_to(temporary)
            temporary.unlink()
        return _usable_key(str(file), file.read_bytes())

    @property
    def log_in_file(self) -> Path:
        """Where 'driftgate log-in' keeps who is logged in at this home."""
        return self.home.resolve() / "log-in"

    @property
    def secret(self) -> str | None:
        """By what who acts is known: the token of the settings, else what was kept by a log-in; none: by nothing.

        Raises:
            NotLoggedIn: others than its owner can read the file of the log-in, or it can't be read.
        """
        if self.token is not None:
            return self.token.get_secret_value().strip()
        try:
            with self.log_in_file.open(encoding="ascii") as stream:
                if os.fstat(stream.fileno()).st_mode & 0o077:
                    problem = f"others can read or change {self.log_in_file}"
                    raise NotLoggedIn(problem, "end that log-in with 'driftgate log-out', and log in again")
                return stream.read().strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            problem = f"{self.log_in_file} can't be read ({error})"
            raise NotLoggedIn(problem, "remove it, and log in again with 'driftgate log-in NAME'") from error

    def keep_secret(self, secret: str | None) -> None:
        """Keep by what who acts is known from now on, readable for its owner only; none: forget it."""
        if secret is None:
            self.log_in_file.unlink(missing_ok=True)
        else:
            write_for_owner(self.log_in_file, secret)

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
