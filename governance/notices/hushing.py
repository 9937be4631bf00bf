"""What the libraries of a notification service say while a message is handed over is heard by us and by nobody else.

They write to many loggers, and with the address, which holds passwords and keys. So every record that a thread makes
while it hands a message over is caught where it is made, whoever makes it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

Said = list[tuple[int, str]]
"""Level and words, in order."""

BELOW_ALL: Final = -1
"""A level that no handler takes."""

_HERE: Final = threading.local()
_COUNTING: Final = threading.Lock()
_LISTENED_TO: dict[str, tuple[int, int]] = {}
"""Of a logger that is listened to: how many listen, and its level before."""

_OURS: Final[list[Callable[..., logging.LogRecord]]] = []
"""What makes records and was set by us last; another one may have been set since."""


@contextmanager
def hushed(logger: str) -> Iterator[Said]:
    """Inside, what this thread logs reaches no log; of one logger, and those below it, everything is heard.

    Args:
        logger: Whose records are wanted, of all levels.

    Example:
        >>> with hushed("example") as said:
        ...     logging.getLogger("example").debug("the key is %s", "k3y")
        >>> said
        [(10, 'the key is k3y')]
    """
    _catch_records()
    _begin_listening(logger)
    said: Said = []
    _HERE.heard = (logger, said)
    try:
        yield said
    finally:
        _HERE.heard = None
        _end_listening(logger)


def _catch_records() -> None:
    """See to it that records are made by us; what made them before still does the work."""
    with _COUNTING:
        make = logging.getLogRecordFactory()
        if make in _OURS:
            return
        caught = _catching(make)
        logging.setLogRecordFactory(caught)
        _OURS[:] = [caught]


def _catching(make: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    def caught(*details: Any, **more: Any) -> logging.LogRecord:
        record = make(*details, **more)
        heard = getattr(_HERE, "heard", None)
        if heard is not None and record.levelno != BELOW_ALL:
            logger, said = heard
            if f"{record.name}.".startswith(f"{logger}."):
                said.append((record.levelno, record.getMessage()))
            record.levelno = BELOW_ALL
            record.msg, record.args, record.exc_info = "", (), None
        return record

    return caught


def _begin_listening(name: str) -> None:
    logger = logging.getLogger(name)
    with _COUNTING:
        listeners, before = _LISTENED_TO.get(name, (0, logger.level))
        _LISTENED_TO[name] = listeners + 1, before
        logger.setLevel(logging.DEBUG)


def _end_listening(name: str) -> None:
    with _COUNTING:
        listeners, before = _LISTENED_TO[name]
        if listeners > 1:
            _LISTENED_TO[name] = listeners - 1, before
        else:
            del _LISTENED_TO[name]
            logging.getLogger(name).setLevel(before)
