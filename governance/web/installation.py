"""What one application stands on. There is no other state: two applications in one process know nothing of each other."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import BoundedSemaphore
from typing import Final

from sqlalchemy import Engine
from starlette.requests import Request

from governance.settings import Settings
from governance.web.outside import Provider

WRITERS: Final = 30
"""Acts at the same time, at most: as they wait for each other, they would leave none of 40 threads to those who read."""


@dataclass(frozen=True)
class Installation:
    """A database, its settings, and a clock.

    Args:
        engine: Of the database, opened and migrated.
        settings: Where the artifacts are, and how people reach this.
        clock: Gives the present moment, with time zone.
        provider: Where people may log in besides; none when there is none.
        uses: When each token was last seen, by its hash, so that not every request has to write.
        writers: A place for everybody who writes.
    """

    engine: Engine
    settings: Settings
    clock: Callable[[], datetime]
    provider: Provider | None = None
    uses: dict[str, datetime] = field(default_factory=dict)
    writers: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(WRITERS))

    @property
    def artifacts(self) -> Path:
        """Folder of the artifact store."""
        return self.settings.artifacts_folder

    @property
    def secure(self) -> bool:
        """Whether people reach this over TLS, so that no cookie may go another way."""
        return self.settings.public_url.startswith("https://")

    def key_for(self, purpose: str) -> bytes:
        """A key for one purpose, from which neither the key of the audit trail nor another purpose's can be told.

        Source: RFC 5869 (HKDF-SHA256), one block.
        """
        extracted = hmac.digest(b"driftgate web", self.settings.audit_key_bytes, hashlib.sha256)
        return hmac.digest(extracted, purpose.encode() + b"\x01", hashlib.sha256)


def installation_of(request: Request) -> Installation:
    """The installation that a request came to."""
    found: Installation = request.app.state.installation
    return found
