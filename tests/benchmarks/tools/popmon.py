"""popmon's stability metrics: the current rows as one period against histograms of an external reference."""

from __future__ import annotations

DISTRIBUTION = "popmon"
IN_MEMORY: dict[str, bool] = {}


def prepare(table):
    """Histograms of the reference; popmon wants a time axis, so every row of a side has the same day."""
    import pandas as pd
    from popmon.hist.filling import make_histograms

    reference, current = (
        frame.assign(day=pd.Timestamp(day))
        for frame, day in ((table.reference, "2026-01-01"), (table.current, "2026-02-01"))
    )
    width = {"bin_width": pd.Timedelta("1w").value, "bin_offset": pd.Timestamp("2026-01-01").value}
    features = [f"day:{name}" for name in [*table.numbers, *table.categories]]
    return make_histograms(reference, features, bin_specs={"day": width}, time_axis="day"), current


def measure(state, table):
    """Its data store of profiles and comparisons."""
    import popmon

    reference, current = state
    return popmon.df_stability_metrics(current, time_axis="day", reference_type="external", reference=reference)


TOOLS = {"popmon": (prepare, measure)}
