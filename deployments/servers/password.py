"""The password of the Prefect server: whoever reaches the server can run anything as the user who serves."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from governance.settings import Settings, write_for_owner

OWN: Final = "PREFECT_SERVER_API_AUTH_STRING"
"""Where users set a password of their own, as ``user:password``."""

WANTED: Final = "PREFECT_API_AUTH_STRING"
"""Where clients of Prefect look for it."""


def new_password() -> str:
    """As Prefect takes it: ``user:password``. The user's own, else a random one."""
    return os.environ.get(OWN) or f"driftgate:{secrets.token_urlsafe(32)}"


def keep_password(settings: Settings) -> str:
    """The password of the ``driftgate serve`` of this home: the user's own, else one made once and kept in a file.

    The file is there only while it is what the server asks for.
    """
    file = password_file(settings)
    if own := os.environ.get(OWN):
        file.unlink(missing_ok=True)
        return own
    if (kept := _kept(file)) is not None:
        return kept
    made = new_password()
    write_for_owner(file, made)
    return made


def credentials(settings: Settings) -> dict[str, str]:
    """What a client of the ``driftgate serve`` of this home needs in its environment."""
    password = os.environ.get(OWN) or _kept(password_file(settings))
    return {} if password is None else {WANTED: password}


def password_file(settings: Settings) -> Path:
    """Where the password is kept, readable for its owner only."""
    return settings.prefect_folder / "password"


def _kept(file: Path) -> str | None:
    """The password in the file; none: there is none, or others could have read it."""
    try:
        with file.open(encoding="ascii", errors="replace") as stream:
            return None if os.fstat(stream.fileno()).st_mode & 0o077 else stream.read().strip() or None
    except FileNotFoundError:
        return None
