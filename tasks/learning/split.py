"""Dividing rows into a part to fit on and a part to measure on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from governance.vocabulary import SplitMethod

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from governance.project_file import Split


def split_rows(
    frame: pd.DataFrame, target: pd.Series, time: pd.Series | None, split: Split, stratify: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the rows to fit on, and of those to measure on. Every row is in exactly one of them.

    Args:
        frame: Shape (rows, ...), at least two rows.
        target: Shape (rows,), in the order of ``frame``; needed when ``stratify``.
        time: When each row happened, none missing; needed when ``split.method`` is ``time``.
        split: Method, share of the test part, seed.
        stratify: Random split only: each class keeps its share in both parts. A class of one row is fitted on.

    Returns:
        ``(train, test)``, neither empty. Random: both ascending. By time: both in order of time (rows of the
        same time in order of the file), and no row of the test part is earlier than one of the other.

    Raises:
        ValueError: fewer than two rows, or a split by time without ``time``.

    >>> import pandas as pd
    >>> from governance.project_file import Split
    >>> frame = pd.DataFrame({"day": [3, 1, 2, 4]})
    >>> split_rows(frame, frame["day"], frame["day"], Split(method="time", test_share=0.25), stratify=False)
    (array([1, 2, 0]), array([3]))
    """
    rows = len(frame)
    if rows < 2:
        raise ValueError(f"{rows} rows can't be divided into two parts")
    test_rows = min(max(round(rows * split.test_share), 1), rows - 1)
    if split.method is SplitMethod.TIME:
        if time is None:
            raise ValueError("a split by time needs the time of every row")
        order = np.argsort(time.to_numpy(), kind="stable").astype(np.int64)
        return order[: rows - test_rows], order[rows - test_rows :]
    random = np.random.default_rng(split.seed)
    test = _stratified(target, test_rows, random) if stratify else random.permutation(rows)[:test_rows]
    chosen = np.zeros(rows, dtype=bool)
    chosen[test] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def _stratified(target: pd.Series, test_rows: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Positions of the test part: of each class its share, the rest by largest remainder."""
    _, codes, sizes = np.unique(target.to_numpy(dtype=object).astype(str), return_inverse=True, return_counts=True)
    wanted = sizes * (test_rows / len(target))
    # At least one row of every class stays to be fitted on.
    taken = np.minimum(np.floor(wanted).astype(np.int64), sizes - 1)
    by_remainder = np.argsort(taken - wanted, kind="stable")
    for place in by_remainder[: max(test_rows - int(taken.sum()), 0)]:
        taken[place] = min(taken[place] + 1, sizes[place] - 1)
    positions = [random.permutation(np.flatnonzero(codes == c))[:n] for c, n in enumerate(taken)]
    chosen: NDArray[np.int64] = np.concatenate(positions)
    if len(chosen) == 0:
        # Every class has a single row: no share can be kept.
        return random.permutation(len(target))[:test_rows].astype(np.int64)
    return chosen
