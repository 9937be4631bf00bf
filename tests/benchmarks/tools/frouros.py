"""frouros: a KS test per number, a chi² test per category."""

from __future__ import annotations

DISTRIBUTION = "frouros"
IN_MEMORY: dict[str, bool] = {}


def prepare(table):
    """A fitted detector per column."""
    from frouros.detectors.data_drift import ChiSquareTest, KSTest

    detectors = {}
    for name in [*table.numbers, *table.categories]:
        detectors[name] = KSTest() if name in table.numbers else ChiSquareTest()
        detectors[name].fit(X=table.reference[name].to_numpy())
    return detectors


def measure(detectors, table):
    """A p-value per column."""
    return {name: detector.compare(X=table.current[name].to_numpy())[0] for name, detector in detectors.items()}


TOOLS = {"frouros": (prepare, measure)}
