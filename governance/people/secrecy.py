"""Secrets by which somebody is known: made here, shown once, and kept as hashes."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Final

from sqlmodel import Session, select

from governance.tables import AuditHead

TOKEN: Final = "dg_"  # noqa: S105  what every API token begins with, so that scanners know one
LOG_IN: Final = "dgs_"
"""What the secret of a log-in begins with."""


def new_secret(kind: str) -> str:
    """A random secret of 256 bits, with what it is in front."""
    return kind + secrets.token_urlsafe(32)


def hash_of_secret(secret: str) -> str:
    """SHA-256, in hex: of 256 random bits nothing can be guessed, so it may be fast."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def moment_of(session: Session, at: datetime) -> datetime:
    """A time, but never before the last line of the audit trail: a clock moved back makes nothing valid again."""
    last = session.exec(select(AuditHead.at)).one()
    return at if last is None else max(at, last)
