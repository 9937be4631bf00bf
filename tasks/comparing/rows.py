"""Which rows of a new version's test part the version that it is held against has learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.data.conform import model_matrix

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from tasks.data.joining import TrainingTable
    from tasks.data.schema import Schema


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the rows that a version was fitted on.

    Args:
        fitted_on: Shape (rows,), whether it was fitted on the row.
        doubtful_rows: Rows that it has in a test part of its own although no file of the two is the same: so it was
            fitted on others of them, and on which can't be known.
    """

    fitted_on: NDArray[np.bool_]
    doubtful_rows: int = 0


def fitted_on(
    manifest: Mapping[str, Any],
    own_reference: pd.DataFrame,
    schema: Schema,
    table: TrainingTable,
    rows: pd.DataFrame,
    places: NDArray[np.int64],
) -> Seen:
    """Tell the rows that a version was fitted on from those that are new to it.

    Files are known by their fingerprints. Of a file that both were trained on, a version was fitted on every row but
    those of its own test part, which are known by what they hold; after a refit it was fitted on all of them.

    Args:
        manifest: Of the version.
        own_reference: The test part of the version, as far as it is kept.
        schema: Of the version.
        table: What the new version was trained on.
        rows: Of the new version's test part: features and target.
        places: Shape (rows,), where in the table each of them is.
    """
    shared = np.isin(table.fingerprints, manifest["data"]["fingerprints"])
    of_shared = shared[np.searchsorted(np.cumsum(table.rows), places, side="right")]
    in_own_test_part = np.isin(_contents(rows, schema), _contents(own_reference, schema))
    if shared.any():
        return Seen(of_shared if manifest["refit_on_full"] else of_shared & ~in_own_test_part)
    return Seen(of_shared, int(in_own_test_part.sum()))


def _contents(frame: pd.DataFrame, schema: Schema) -> NDArray[np.uint64]:
    """A number for what every row holds."""
    import pandas as pd

    # As the model sees them, so that it does not matter by which way they came here; the target as text, for NumPy's
    # numbers and those of a file are written alike.
    seen = model_matrix(frame, schema).assign(**{f"target {schema.target}": frame[schema.target].astype(str)})
    return np.asarray(pd.util.hash_pandas_object(seen, index=False), dtype=np.uint64)
