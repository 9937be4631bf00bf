"""How many threads an estimator may use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, OpenMP uses one thread.

    Histogram gradient boosting makes thousands of parallel steps of microseconds, and its threads spin while they
    wait for each other. On cores that are shared with anything else a fit then takes a minute instead of
    a second: on two cores with two busy neighbours 48,000 rows took 64 s with two threads and 5 s with one; alone,
    one thread takes about a second. Training, drift and scoring do run side by side here.
    """
    # Loaded before the limit is set, which reaches only what is loaded.
    from sklearn import ensemble  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="openmp"):
        yield
