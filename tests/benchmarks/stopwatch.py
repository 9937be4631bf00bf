"""The command line with a stopwatch: where the seconds of one command go, by what the main thread is doing.

``shell.py`` runs it in a process of its own instead of the console script. At every moment exactly one phase counts,
the innermost: what is imported while a batch is read counts as import. So the phases add up to the whole.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import json
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

STARTED: Final = "DRIFTGATE_BENCHMARK_STARTED"
"""Environment variable: when the process was asked for, on the monotonic clock, which all processes share."""

WRITTEN: Final = "DRIFTGATE_BENCHMARK_WRITTEN"
"""Environment variable: the file that the seconds per phase are written into."""

OF_TASKS: Final = {"resolve": "read", "load": "read", "judge": "read", "score": "score", "find": "measure",
                   "record": "record", "publish": "record"}  # fmt: skip
"""First word of the function of a Prefect task: its phase."""

OF_FUNCTIONS: Final = {
    "deployments.servers.short_lived": {"_started": "server", "send_pending": "server",
                                        "wait_until_recorded": "server"},
    "deployments.servers.processes": {"PrefectProcess.stop": "server"},
    "deployments.servers.recording": {"send_pending": "server", "wait_until_recorded": "server"},
    "tasks.learning.prediction": {"predict": "score"},
    "tasks.drift.tallies": {"CurrentColumns.add": "measure"},
}  # fmt: skip
"""Module: functions in it, and their phase."""


class Stopwatch:
    """Seconds per phase of one thread."""

    def __init__(self, started: float) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._phases = ["interpreter"]
        self._since = started
        self._thread = threading.get_ident()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Until the block is left, time counts as this; other threads don't count."""
        if threading.get_ident() != self._thread:
            yield
            return
        self._count()
        self._phases.append(name)
        try:
            yield
        finally:
            self._count()
            self._phases.pop()

    def _count(self) -> None:
        now = time.monotonic()
        self.seconds[self._phases[-1]] += now - self._since
        self._since = now

    def timed(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """The function, counted as this phase."""

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with self.phase(name):
                return function(*args, **kwargs)

        return run


def watch_imports(watch: Stopwatch) -> None:
    """Count imports, and wrap the functions to be timed as soon as their module is there."""
    waiting = {**OF_FUNCTIONS, "prefect.tasks": {}}
    depth = 0

    def wrap_what_came() -> None:
        for module in [name for name in waiting if name in sys.modules]:
            loaded, functions = sys.modules[module], waiting[module]
            if getattr(getattr(loaded, "__spec__", None), "_initializing", False):
                continue
            del waiting[module]
            if module == "prefect.tasks":
                _watch_tasks(watch, loaded.Task)
            for path, phase in functions.items():
                *parents, name = path.split(".")
                place = functools.reduce(getattr, parents, loaded)
                if hasattr(place, name):
                    setattr(place, name, watch.timed(getattr(place, name), phase))

    def counted(load: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(load)
        def run(*args: Any, **kwargs: Any) -> Any:
            nonlocal depth
            if depth or threading.current_thread() is not threading.main_thread():
                loaded = load(*args, **kwargs)
            else:
                depth += 1
                try:
                    with watch.phase("import"):
                        loaded = load(*args, **kwargs)
                finally:
                    depth -= 1
            if waiting:
                wrap_what_came()
            return loaded

        return run

    builtins.__import__ = counted(builtins.__import__)
    importlib.import_module = counted(importlib.import_module)


def _watch_tasks(watch: Stopwatch, task: Any) -> None:
    made = task.__init__

    @functools.wraps(made)
    def make(self: Any, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        made(self, fn, *args, **kwargs)
        self.fn = watch.timed(fn, OF_TASKS.get(fn.__name__.partition("_")[0], "rest"))

    task.__init__ = make


def main() -> int:
    """Run one command line and write down where its time went."""
    watch = Stopwatch(float(os.environ[STARTED]))
    del sys.path[0]  # this folder, whose modules are not for the command
    with watch.phase("rest"):
        watch_imports(watch)
        from deployments.cli.main import main as command

        try:
            command()
        except SystemExit as left:
            code = int(left.code or 0)
    Path(os.environ[WRITTEN]).write_text(json.dumps({"seconds": watch.seconds, "ended": time.monotonic()}))
    return code


if __name__ == "__main__":
    sys.exit(main())
