"""deepchecks' FeatureDrift on all rows."""

from __future__ import annotations

DISTRIBUTION = "deepchecks"
IN_MEMORY: dict[str, bool] = {}


def prepare(table):
    """The reference as its data set."""
    from deepchecks.tabular import Dataset

    return Dataset(table.reference, cat_features=table.categories)


def measure(reference, table):
    """The check's result; it is not rendered."""
    from deepchecks.tabular import Dataset
    from deepchecks.tabular.checks import FeatureDrift

    current = Dataset(table.current, cat_features=table.categories)
    return FeatureDrift(n_samples=1_000_000_000, random_state=1).run(reference, current)


TOOLS = {"deepchecks": (prepare, measure)}
