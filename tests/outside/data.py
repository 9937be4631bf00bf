"""Real data with what other tools print about them. They lie beside the checkout, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

FOLDER = Path(__file__).parents[2].parent / "shared" / "data"

at_hand = pytest.mark.skipif(not FOLDER.is_dir(), reason="the outside tables are not at hand")


def expected(dataset: str, metric: str) -> dict[str, tuple[float, float]]:
    """Period: value and tolerance, of one metric of ``expected.csv``."""
    table = pd.read_csv(FOLDER / dataset / "expected.csv")
    rows = table[table["metric"] == metric]
    assert len(rows) > 0, f"{dataset} has no {metric}"
    values, tolerances = rows["value"].astype(float), rows["tolerance"].astype(float)
    return dict(zip(rows["period"], zip(values, tolerances, strict=True), strict=True))


def printed(dataset: str, file: str, before: str) -> list[list[str]]:
    """Cells of the data rows of the first printed table that stands after a line."""
    text = (FOLDER / dataset / file).read_text(encoding="utf-8")
    lines = text[text.index(before) :].splitlines()[1:]
    first = next(position for position, line in enumerate(lines) if line.startswith("| 0"))
    rows = []
    for line in lines[first:]:
        if not line.startswith(("|", "+")):
            break
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows
