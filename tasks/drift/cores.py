"""Columns side by side on all cores: NumPy and Arrow let go of the interpreter while they count and sort."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from threading import Thread
from typing import TypeVar

Given = TypeVar("Given")
Found = TypeVar("Found")


def on_all_cores(work: Callable[[Given], Found], every: Sequence[Given], threads: int | None = None) -> Iterator[Found]:
    """What ``work`` makes of each, in their order; of several errors that of the first is raised.

    Who asks takes part in the work: small work is over before a pool of threads has begun.

    Args:
        work: Is called from several threads at once.
        every: What it is called with.
        threads: How many; default: as many as there are cores.

    >>> list(on_all_cores(lambda x: x * x, [1, 2, 3]))
    [1, 4, 9]
    """
    left = iter(range(len(every)))  # taking a number from it is one step, which no other thread comes between
    found: dict[int, Found] = {}
    failed: dict[int, BaseException] = {}

    def take_one() -> bool:
        if failed or (position := next(left, None)) is None:
            return False
        try:
            found[position] = work(every[position])
        except BaseException as error:  # whatever it is, it is raised below
            failed[position] = error
        return True

    def take_all() -> None:
        while take_one():
            pass

    others = min(threads or len(os.sched_getaffinity(0)), len(every)) - 1
    helpers = [Thread(target=take_all, daemon=True) for _ in range(others)]
    for helper in helpers:
        helper.start()
    told = 0
    try:
        while take_one():
            while told in found:
                yield found.pop(told)
                told += 1
    finally:
        list(left)  # nobody takes any more
        for helper in helpers:
            helper.join()
    if failed:
        raise failed[min(failed)]
    for position in sorted(found):
        yield found.pop(position)
