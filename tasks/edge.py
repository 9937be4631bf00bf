"""Where the work meets the world: clock, settings, database, and who acts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from governance.audit import Actor
from governance.settings import settings

if TYPE_CHECKING:
    from sqlmodel import Session


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def acting(name: str | None) -> Actor:
    """Who acts in a flow: the person named, else the user of the process."""
    return Actor(name or settings().user, origin="flow")


@contextmanager
def transaction() -> Iterator[Session]:
    """One transaction on the database of the settings: commit at the end, roll back on any exception."""
    from governance import database

    with database.transaction(database.open_database(settings().database)) as session:
        yield session
