"""Which rows belong together: one segment per value of a column, or per quantile of the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, isfinite, lgamma
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from governance.project_file import Segmentation
from tasks.data.schema import canonical_label
from tasks.drift.histogram import MISSING
from tasks.drift.statistics import quantile_edges
from tasks.metrics.intervals import Floats

if TYPE_CHECKING:
    import pandas as pd

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Rows of several frames, divided in the same way.

    Args:
        labels: Every segment: values in alphabetical order, or ``quantile_1`` (the lowest) and so on; rows without a
            value are the last one, if there are any.
        codes: Per side: shape (rows,), position in ``labels`` of every row.
        edges: Quantiles: shape (at most labels - 1,), the bounds between them, closed to the right; else ``None``.
        missing: Position of the rows without a value, ``None`` when every row has one.
        moments: Whether the edges are seconds since 1970.
    """

    labels: tuple[str, ...]
    codes: Mapping[str, Codes]
    edges: Floats | None
    missing: int | None
    moments: bool = False

    def counts(self, side: str) -> Codes:
        """Rows of a side per segment, shape (labels,)."""
        return np.bincount(self.codes[side], minlength=len(self.labels)).astype(np.int64)

    def bounds(self, code: int) -> tuple[float | None, float | None]:
        """Quantiles: the segment holds values above the first and up to the second; ``None`` is no bound."""
        if self.edges is None or code == self.missing:
            return None, None
        ends = [None, *(float(edge) if isfinite(edge) else None for edge in self.edges), None]
        return ends[code], ends[code + 1]

    def text(self, code: int) -> str:
        """The segment as a sentence names it, e.g. ``'Bronx'`` or ``(25, 37]``."""
        low, high = self.bounds(code)
        if low is None and high is None:
            return "without a value" if code == self.missing else repr(self.labels[code])
        if high is None:
            return f"above {self._end(low)}"
        if low is not None and np.nextafter(low, np.inf) == high:
            return self._end(high)
        # An edge just below a value reads like the value, which has a segment of its own.
        following = self.bounds(code + 1)[1]
        before_value = following is not None and np.nextafter(high, np.inf) == following
        if low is None:
            return f"below {self._end(following)}" if before_value else f"up to {self._end(high)}"
        return (
            f"({self._end(low)}, {self._end(following)})" if before_value else f"({self._end(low)}, {self._end(high)}]"
        )

    def _end(self, edge: float | None) -> str:
        if edge is None:
            raise AssertionError("only edges have a text")
        return str(np.datetime64(int(edge), "s")) if self.moments else f"{edge:.6g}"


def split_rows(settings: Segmentation, sides: Mapping[str, pd.Series], *, bounds_of: str) -> Split:
    """Divide the rows of all sides by one column.

    Args:
        settings: ``quantiles`` decides whether values or ranges of values make the segments.
        sides: The column of every side, shape (rows,).
        bounds_of: The side whose quantiles are the bounds between segments: the reference, so that a segment holds
            the same values from batch to batch. Values that tie make fewer segments.

    Returns:
        The segment of every row. Rows without a value are a segment of their own.

    Raises:
        ValueError: quantiles are asked of a column that is not numerical, or of no value at all.

    >>> import pandas as pd
    >>> sides = {"reference": pd.Series([1.0, 2.0, 3.0, 4.0]), "current": pd.Series([9.0, None])}
    >>> found = split_rows(Segmentation(column="age", quantiles=2), sides, bounds_of="reference")
    >>> found.labels, found.codes["current"].tolist(), found.text(0)
    (('quantile_1', 'quantile_2', '(missing)'), [1, 2], 'up to 2')
    """
    edges: Floats | None = None
    moments = settings.quantiles is not None and _are_moments(sides[bounds_of])
    if settings.quantiles is None:
        labels, codes = _by_value(sides)
    else:
        numbers = {side: _numbers(settings.column, values) for side, values in sides.items()}
        edges = _edges(settings.column, numbers[bounds_of], settings.quantiles)
        labels = tuple(f"quantile_{number}" for number in range(1, edges.size + 2))
        codes = {
            side: np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="left")).astype(np.int64)
            for side, values in numbers.items()
        }
    if not any((of_side < 0).any() for of_side in codes.values()):
        return Split(labels, codes, edges, None, moments)
    name = MISSING
    while name in labels:  # a value that is written so is another segment
        name = f"({name})"
    filled = {side: np.where(of_side < 0, len(labels), of_side) for side, of_side in codes.items()}
    return Split((*labels, name), filled, edges, len(labels), moments)


def one_sided_p_value(rows: int, of_side: int, of_other: int) -> float:
    """How likely it is by chance that all rows of a segment lie on one side: it is new there, or has vanished here.

    Every way to divide the rows of both sides is equally likely (hypergeometric): C(n, k) / C(n + N, k).

    Args:
        rows: k, rows of the segment.
        of_side: n, rows of the side that has them all, at least ``rows``.
        of_other: N, rows of the other side.

    >>> round(one_sided_p_value(1, 100, 300), 6), one_sided_p_value(20, 100, 300) < 1e-12
    (0.25, True)
    """
    whole = of_side + of_other
    log_p = lgamma(of_side + 1) - lgamma(of_side - rows + 1) - lgamma(whole + 1) + lgamma(whole - rows + 1)
    return min(1.0, exp(log_p))


def _by_value(sides: Mapping[str, pd.Series]) -> tuple[tuple[str, ...], dict[str, Codes]]:
    import pandas as pd

    distinct: dict[str, tuple[Codes, list[str]]] = {}
    for side, values in sides.items():
        codes, found = pd.factorize(values)
        distinct[side] = codes.astype(np.int64), [canonical_label(value) for value in found]
    labels = tuple(sorted({text for _, texts in distinct.values() for text in texts}))
    place = {text: position for position, text in enumerate(labels)}
    # The last one is where -1, a missing value, looks.
    return labels, {
        side: np.array([*(place[text] for text in texts), -1], dtype=np.int64)[codes]
        for side, (codes, texts) in distinct.items()
    }


def _are_moments(values: pd.Series) -> bool:
    import pandas as pd

    return pd.api.types.is_datetime64_any_dtype(values.dtype)


def _numbers(column: str, values: pd.Series) -> Floats:
    import pandas as pd

    try:
        if _are_moments(values):
            moments = pd.to_datetime(values, utc=True)
            seconds = moments.to_numpy(dtype="datetime64[us]").astype(np.int64) / 1e6
            return np.where(moments.isna().to_numpy(), np.nan, seconds)
        numbers: Any = pd.to_numeric(values)
        found: Floats = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError) as problem:
        raise ValueError(
            f"quantiles need a numerical column, and {column!r} is none ({problem}): remove quantiles"
        ) from problem
    return found


def _edges(column: str, values: Floats, bins: int) -> Floats:
    present = np.sort(values[~np.isnan(values)])
    if not present.size:
        raise ValueError(f"column {column!r} has no value of which there could be quantiles")
    return quantile_edges(present, bins)
