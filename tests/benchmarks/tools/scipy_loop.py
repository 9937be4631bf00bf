"""What people write themselves: ``ks_2samp`` and ``chi2_contingency``, column by column."""

from __future__ import annotations

DISTRIBUTION = "scipy"
IN_MEMORY: dict[str, bool] = {}


def prepare(table):
    """Counts of the reference's categories; SciPy can keep nothing of the numbers."""
    return {name: table.reference[name].value_counts() for name in table.categories}


def measure(counts, table):
    """A p-value per column."""
    import pandas as pd
    from scipy.stats import chi2_contingency, ks_2samp

    found = {
        name: ks_2samp(table.reference[name].to_numpy(), table.current[name].to_numpy()).pvalue
        for name in table.numbers
    }
    for name in table.categories:
        sides = pd.concat([counts[name], table.current[name].value_counts()], axis=1).fillna(0)
        found[name] = chi2_contingency(sides.to_numpy().T).pvalue
    return found


TOOLS = {"scipy": (prepare, measure)}
