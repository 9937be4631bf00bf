"""An order of rows that depends on what is in them and on nothing else.

Whatever is drawn, split or summed in this order comes out the same for the same rows in any other order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.row_keys import Keys


def canonical_order(keys: Keys) -> NDArray[np.intp]:
    """Positions of the rows in the order of their keys.

    >>> canonical_order(np.array([7, 3, 5], dtype=np.uint64)).tolist()
    [1, 2, 0]
    """
    return np.argsort(keys, kind="stable")
