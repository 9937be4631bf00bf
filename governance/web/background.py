"""What is done every minute while the API runs: notices are sent, approvals expire, old answers are forgotten."""

from __future__ import annotations

import logging
import threading
import time
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
SENDING_SECONDS: Final = 60.0
"""After which no other notice is begun in one round."""

PATIENCE_SECONDS: Final = 10.0
"""With what is being done when it has to end; what is not finished then is done by whoever comes next."""

NAMED: Final = "every minute:"
"""How the names of the threads begin."""

_LOG: Final = logging.getLogger("driftgate.web")

Duty = Callable[[], object]


def duties(engine: Engine, settings: Settings, clock: Callable[[], datetime]) -> dict[str, Duty]:
    """What is done every minute, by name."""
    mail_url = None if settings.mail_url is None else settings.mail_url.get_secret_value()

    def send() -> None:
        end = time.monotonic() + SENDING_SECONDS
        send_due(engine, mail_url, now=clock(), enough=lambda: time.monotonic() > end)

    def expire() -> None:
        with transaction(engine) as session:
            recur_due(session, artifacts=settings.artifacts_folder, at=clock())

    def clear() -> None:
        with transaction(engine) as session:
            forget(session, at=clock())

    return {
        "sending notices": send,
        "letting approvals expire": expire,
        "forgetting old answers": clear,
    }


def perform(name: str, duty: Duty) -> None:
    """Do one thing once. If it fails, that is written to the log, and it is done again the next time."""
    try:
        duty()
    except Exception:
        _LOG.exception("%s has failed", name)


@contextmanager
def every_minute(
    engine: Engine, settings: Settings, *, clock: Callable[[], datetime], seconds: float = EVERY_SECONDS
) -> Iterator[list[threading.Thread]]:
    """While the block lasts, threads do what has to be done: one for each duty, so that none holds up another.

    Args:
        engine: Of the database.
        settings: Of the mail server and the artifacts.
        clock: Gives the present moment.
        seconds: From one round to the next.
    """
    ended = threading.Event()

    def go_round(name: str, duty: Duty) -> None:
        while not ended.wait(seconds):
            perform(name, duty)

    wanted = duties(engine, settings, clock).items()
    threads = [threading.Thread(target=go_round, args=one, name=f"{NAMED} {one[0]}", daemon=True) for one in wanted]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        ended.set()
        end = time.monotonic() + PATIENCE_SECONDS
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
