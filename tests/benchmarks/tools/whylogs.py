"""whylogs: a profile of the current rows, then its drift scores against the profile of the reference."""

from __future__ import annotations

DISTRIBUTION = "whylogs"
IN_MEMORY: dict[str, bool] = {}


def prepare(table):
    """The profile of the reference."""
    import os

    os.environ["WHYLOGS_NO_ANALYTICS"] = "True"
    import whylogs

    return whylogs.log(table.reference).view()


def measure(reference, table):
    """A score per column."""
    import whylogs
    from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

    current = whylogs.log(table.current).view()
    return calculate_drift_scores(target_view=current, reference_view=reference, with_thresholds=True)


TOOLS = {"whylogs": (prepare, measure)}
