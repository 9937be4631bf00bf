"""alibi-detect's TabularDrift: KS and chi². It takes numbers only; encoding the categories is not counted."""

from __future__ import annotations

DISTRIBUTION = "alibi-detect"
IN_MEMORY: dict[str, bool] = {}


def prepare(table):
    """A detector, and the current rows as a matrix."""
    import numpy as np
    import pandas as pd
    from alibi_detect.cd import TabularDrift

    reference, current, counts = [], [], {}
    for position, name in enumerate([*table.numbers, *table.categories]):
        sides = [frame[name] for frame in (table.reference, table.current)]
        if name in table.categories:
            codes, levels = pd.factorize(pd.concat(sides))
            counts[position] = len(levels)
            sides = np.split(codes, [len(sides[0])])
        for matrix, side in zip((reference, current), sides, strict=True):
            matrix.append(np.asarray(side, dtype=np.float64))
    detector = TabularDrift(np.column_stack(reference), p_val=0.05, categories_per_feature=counts)
    return detector, np.column_stack(current)


def measure(state, table):
    """A p-value per column."""
    detector, current = state
    return detector.predict(current, drift_type="feature")


TOOLS = {"alibi-detect": (prepare, measure)}
