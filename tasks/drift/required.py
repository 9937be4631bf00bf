"""What columns a side must have, and that it has them once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from governance.errors import SchemaMismatch

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

REFERENCE: Final = "the reference"
CURRENT: Final = "the current data"
"""The two sides, as errors call them."""


def column_names(chunk: pd.DataFrame | pa.Table) -> list[str]:
    """The names of the columns of a frame or of an Arrow table."""
    return list(getattr(chunk, "column_names", None) or chunk.columns)


def require_features(side: str, names: Iterable[str], features: Iterable[str]) -> None:
    """Refuse rows that lack a feature.

    Args:
        side: Whose rows they are, as the error calls them.
        names: Of their columns.
        features: That must be among them.

    Raises:
        SchemaMismatch: names the first that is missing.
    """
    held = set(names)
    for name in features:
        if name not in held:
            raise SchemaMismatch(side, name, "the feature is missing", "add the column, or train a version without it")


def require_once(side: str, names: Iterable[str], wanted: Iterable[str]) -> None:
    """Refuse rows that have one of the columns twice; arguments as of :func:`require_features`.

    Raises:
        SchemaMismatch: names the first of them.
    """
    times = Counter(names)
    for name in wanted:
        if times[name] > 1:
            problem = f"{times[name]} columns have this name"
            raise SchemaMismatch(side, name, problem, "rename or remove all but one")
