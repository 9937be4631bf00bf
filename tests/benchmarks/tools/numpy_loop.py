"""The yardstick: one loop over the columns in NumPy and pandas, as plain as it can be while being fast."""

from __future__ import annotations

import numpy as np

DISTRIBUTION = "numpy"
IN_MEMORY: dict[str, bool] = {}

GRID, KS_POINTS, BINS = 4096, 2048, 10


def prepare(table):
    """Of the reference: sorted values of a number, or levels and counts of a category."""
    fitted = {}
    for name in table.numbers:
        values = np.sort(table.reference[name].to_numpy(np.float64))
        size = values.size
        points = values[(np.arange(KS_POINTS) * size) // KS_POINTS]
        edges = np.unique(values[np.ceil(np.arange(1, BINS) * size / BINS).astype(int) - 1])
        fitted[name] = (
            values[((np.arange(GRID) + 0.5) / GRID * size).astype(int)],
            points,
            np.searchsorted(values, points, side="right") / size,
            edges,
            np.diff(np.concatenate([[0], np.searchsorted(values, edges, side="right"), [size]])),
            values.std(),
        )
    for name in table.categories:
        counts = table.reference[name].value_counts()
        fitted[name] = (counts.index.astype(object).tolist(), counts.to_numpy(np.int64))
    return fitted


def measure(fitted, table):
    """Every column against the reference: KS, Wasserstein, PSI, Jensen–Shannon; PSI, Jensen–Shannon, chi²."""
    found = {}
    for name in table.numbers:
        found[name] = _number(fitted[name], table.current[name].to_numpy(np.float64))
    for name in table.categories:
        found[name] = _category(fitted[name], table.current[name])
    return found


def _number(fitted, values):
    grid, points, shares, edges, bins, deviation = fitted
    values = np.sort(values)
    size = values.size
    at_points = np.searchsorted(values, points, side="right") / size
    counts = np.diff(np.concatenate([[0], np.searchsorted(values, edges, side="right"), [size]]))
    return {
        "ks_statistic": float(np.abs(at_points - shares).max()),
        "wasserstein": float(
            np.abs(values[((np.arange(GRID) + 0.5) / GRID * size).astype(int)] - grid).mean() / deviation
        ),
        "psi": _psi(bins, counts),
        "jensen_shannon": _jensen_shannon(bins, counts),
    }


def _category(fitted, values):
    from scipy.special import chdtrc

    levels, counts = fitted
    if hasattr(values, "cat"):
        codes, current = values.cat.codes.to_numpy(), values.cat.categories
    else:
        import pandas as pd

        codes, current = pd.factorize(values)
    rows = np.bincount(codes, minlength=len(current))
    position = {level: code for code, level in enumerate(levels)}
    there = np.zeros(len(levels) + len(current), dtype=np.int64)
    for level, count in zip(current, rows, strict=True):
        there[position.setdefault(level, len(position))] += count
    here = np.zeros(len(position), dtype=np.int64)
    here[: counts.size] = counts
    there = there[: len(position)]
    table = np.stack([here, there])[:, here + there > 0]
    expected = table.sum(axis=1)[:, None] * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return {
        "psi": _psi(here, there),
        "jensen_shannon": _jensen_shannon(here, there),
        "chi2_p_value": float(chdtrc(max(1, table.shape[1] - 1), statistic)),
    }


def _psi(here, there):
    here, there = np.maximum(here, 0.5) / here.sum(), np.maximum(there, 0.5) / there.sum()
    return float(((there - here) * np.log(there / here)).sum())


def _jensen_shannon(here, there):
    here, there = here / here.sum(), there / there.sum()
    middle = (here + there) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(side > 0, side * np.log2(side / middle), 0.0).sum() for side in (here, there)]
    return float(np.sqrt(max(0.0, sum(terms) / 2)))


def prepare_categories(table):
    """As above, with categories that pandas has encoded already."""
    for name in table.categories:
        table.current[name] = table.current[name].astype("category")
    return prepare(table)


TOOLS = {"numpy": (prepare, measure), "numpy-category": (prepare_categories, measure)}
