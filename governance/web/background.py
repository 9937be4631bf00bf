"""What is done every minute while the API runs: notices are sent, approvals expire, old answers are forgotten."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from governance.database import transaction
from governance.notices import send_due
from governance.settings import Settings
from governance.signoff import recur_due
from governance.web.repeating import forget

EVERY_SECONDS: Final = 60.0
PATIENCE_SECONDS: Final = 10.0
"""With what is being done when it has to end; what is not finished then is done by whoever comes next."""

_LOG: Final = logging.getLogger("driftgate.web")

Duty = Callable[[], object]


def duties(engine: Engine, settings: Settings, clock: Callable[[], datetime]) -> dict[str, Duty]:
    """What is done every minute, by name; each by itself, so that none holds up another."""
    mail_url = None if settings.mail_url is None else settings.mail_url.get_secret_value()

    def expire() -> None:
        with transaction(engine) as session:
            recur_due(session, artifacts=settings.artifacts_folder, at=clock())

    def clear() -> None:
        with transaction(engine) as session:
            forget(session, at=clock())

    return {
        "sending notices": lambda: send_due(engine, mail_url, now=clock()),
        "letting approvals expire": expire,
        "forgetting old answers": clear,
    }


def perform(all_duties: dict[str, Duty]) -> None:
    """Do everything once. What fails is written to the log, and done again the next time."""
    for name, duty in all_duties.items():
        try:
            duty()
        except Exception:
            _LOG.exception("%s has failed", name)


@contextmanager
def every_minute(
    engine: Engine, settings: Settings, *, clock: Callable[[], datetime], seconds: float = EVERY_SECONDS
) -> Iterator[threading.Thread]:
    """While the block lasts, a thread does what has to be done.

    Args:
        engine: Of the database.
        settings: Of the mail server and the artifacts.
        clock: Gives the present moment.
        seconds: From one round to the next.
    """
    ended = threading.Event()
    wanted = duties(engine, settings, clock)

    def go_round() -> None:
        while not ended.wait(seconds):
            perform(wanted)

    thread = threading.Thread(target=go_round, name="every minute", daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        ended.set()
        thread.join(PATIENCE_SECONDS)
