"""Run flows from the command line: their server, their progress, their noise and their errors, in one place."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from deployments.cli import display
from deployments.cli.answer import console

if TYPE_CHECKING:
    from rich.status import Status

_ENGINES: Final = frozenset({"flow_engine", "task_engine", "engine"})
"""Modules of Prefect that report how a run ended; the command line says that itself."""

OF_ALL_FLOWS: Final = ("scipy.special", "pandas", "skops.io")
"""Heavy imports of every flow that trains or opens a model.

In this order, and before Prefect: for hundreds of functions of SciPy skops looks through all modules that came earlier.
"""


@dataclass(frozen=True, slots=True)
class Activity:
    """What the person at the terminal sees while something runs, on standard error."""

    status: Status

    def doing(self, what: str) -> None:
        """Say what is going on; it goes away when it is over."""
        self.status.update(display.words(f"{what} …"))

    def done(self, sentence: str) -> None:
        """Say what was done; it stays."""
        display.say(self.status.console, sentence)


_GOING_ON: ContextVar[Activity | None] = ContextVar("_GOING_ON", default=None)


@contextmanager
def flows(doing: str, *, imports: Sequence[str] = OF_ALL_FLOWS) -> Iterator[Activity]:
    """Everything that flows need while they are called: a Prefect server, quiet logs, a sign of life.

    What is printed inside goes to standard error, so that standard output carries the answer only.
    An error raised inside a flow comes out as it was raised. Inside another one, the server is the outer one's.

    Args:
        doing: What is going on, in a few words, e.g. ``Training authorization``.
        imports: Modules that the flows need for sure and that know nothing of Prefect; imported while a server starts.
    """
    outer = _GOING_ON.get()
    if outer is not None:
        outer.doing(doing)
        yield outer
        return
    # Prefect reads it when it is imported, which is below.
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    with redirect_stdout(sys.stderr), console(sys.stderr).status(display.words(f"{doing} …")) as status:
        from deployments.server import prefect_server
        from governance.settings import settings

        def prepare() -> None:
            for module in imports:
                import_module(module)

        activity = Activity(status)
        with prefect_server(
            settings(), progress=lambda waiting: activity.doing(f"{doing}: {waiting}"), prepare=prepare
        ):
            activity.doing(doing)
            _quieten()
            token = _GOING_ON.set(activity)
            try:
                with _listening(activity):
                    yield activity
            finally:
                _GOING_ON.reset(token)


class _OurOwnWords(logging.Filter):
    """Keep Prefect from telling, with a traceback, what the command line says in a sentence.

    Only at the terminal: the logs of the run on the Prefect server have it all.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return record.module not in _ENGINES


class _Progress(logging.Handler):
    """What the work tells of itself, as what is going on."""

    def __init__(self, activity: Activity) -> None:
        super().__init__(logging.INFO)
        self._activity = activity

    def emit(self, record: logging.LogRecord) -> None:
        self._activity.doing(record.getMessage())


@contextmanager
def _listening(activity: Activity) -> Iterator[None]:
    from tasks.edge import PROGRESS

    handler = _Progress(activity)
    PROGRESS.addHandler(handler)
    PROGRESS.setLevel(logging.INFO)
    PROGRESS.propagate = False
    try:
        yield
    finally:
        PROGRESS.removeHandler(handler)


def _quieten() -> None:
    import prefect.main  # noqa: F401  it sets logging up, once: what people see goes through the root's handlers

    for handler in logging.getLogger().handlers:
        if not any(isinstance(one, _OurOwnWords) for one in handler.filters):
            handler.addFilter(_OurOwnWords())


def result_of(state: Any) -> Any:
    """What a flow that returns a state has made, also when the state is a failure.

    Raises:
        BaseException: as it was raised inside the flow.
    """
    made = state.result(raise_on_failure=False)
    if isinstance(made, BaseException):
        raise made
    return made
