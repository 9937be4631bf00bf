"""What is true about the data: how often purchases are authorised, and how well that can be predicted at best."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from deployments.projects.credit_card_fraud.concept import probability
from deployments.projects.credit_card_fraud.files import replace_file
from deployments.projects.credit_card_fraud.purchases import draw_purchases
from deployments.projects.credit_card_fraud.recipe import PERIODS, SEED, TERMS, Period
from governance.errors import UnreadableFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TRUTH_FILE: Final = Path(__file__).with_name("truth.json")
TRUTH_ROWS: Final = 400_000
_STREAM: Final = 1


@dataclass(frozen=True, slots=True)
class Truth:
    """The truth about one period.

    Args:
        period: Its name, e.g. ``2017_09``.
        rows: Rows of the file.
        base_rate: Share of purchases that are authorised, 0 to 1, expected.
        best_roc_auc: ROC AUC of the true probability, expected: no model does better but by luck.
        shift: The parameters in force, by their names in ``recipe.Period``.
    """

    period: str
    rows: int
    base_rate: float
    best_roc_auc: float
    shift: dict[str, float]


@cache
def _committed() -> dict[str, Truth]:
    document = json.loads(TRUTH_FILE.read_text(encoding="utf-8"))
    return {entry["period"]: Truth(**entry) for entry in document["periods"]}


def truth(period: str) -> Truth:
    """The truth about a period, as committed in ``truth.json``. Raises :class:`KeyError` when there is no such period.

    Example:
        >>> 0.85 < truth("2017_q1").best_roc_auc < 0.92
        True
    """
    return _committed()[period]


def measure_truth(period: Period, *, seed: int = SEED, rows: int = TRUTH_ROWS) -> Truth:
    """The truth about a period, on a large sample that is not the file.

    With 400,000 rows the ROC AUC is exact to 0.002 (the test of it draws others and compares).
    """
    chances = probability(draw_purchases(period, rows=rows, seed=seed, stream=_STREAM), period)
    return Truth(
        period=period.name,
        rows=period.rows(),
        base_rate=round(float(chances.mean()), 4),
        best_roc_auc=round(expected_roc_auc(chances), 4),
        shift=shift_of(period),
    )


def shift_of(period: Period) -> dict[str, float]:
    """The parameters of a period that can move."""
    still = {"name", "file", "first_month", "months", "volume"}
    return {f.name: getattr(period, f.name) for f in fields(Period) if f.name not in still}


def expected_roc_auc(probability: NDArray[np.float64]) -> float:
    """ROC AUC of probabilities against labels that are drawn from them, without drawing.

    Every row counts as a positive with weight p and as a negative with weight 1 - p. That leaves out the
    noise of the labels, so that far fewer rows are needed.

    Args:
        probability: Shape (n,), in (0, 1).

    Returns:
        From 0.5 (all the same) to 1 (labels are certain).

    Example:
        Two kinds of rows: of four pairs of a positive and a negative, weighted by their chances.

        >>> round(expected_roc_auc(np.array([0.2, 0.8])), 3)
        0.8
        >>> expected_roc_auc(np.array([0.3, 0.3, 0.3]))
        0.5
    """
    levels, position = np.unique(probability, return_inverse=True)
    positive = np.bincount(position, weights=probability, minlength=len(levels))
    negative = np.bincount(position, weights=1 - probability, minlength=len(levels))
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / (positive.sum() * negative.sum()))


def write_truth(folder: Path) -> list[Path]:
    """Measure the truth of every period; write ``truth.json`` and the tables of ``README.md`` in the folder.

    Raises:
        UnreadableFile: the folder can't be written to.
    """
    measured = [measure_truth(period) for period in PERIODS]
    document = {"seed": SEED, "measured_on_rows": TRUTH_ROWS, "periods": [asdict(entry) for entry in measured]}
    truth_file, readme = folder / TRUTH_FILE.name, folder / "README.md"
    try:
        replace_file(truth_file, (json.dumps(document, indent=2) + "\n").encode())
        replace_file(readme, with_tables(readme.read_text(encoding="utf-8"), measured).encode())
    except OSError as error:
        raise UnreadableFile(folder, f"it can't be written to ({error.strerror})", "work in a checkout") from error
    return [truth_file, readme]


def with_tables(text: str, measured: Sequence[Truth]) -> str:
    """The README with its tables, each between two comments, made anew."""
    for name, table in (("months", _months_table(measured)), ("concept", _concept_table())):
        begin, end = f"<!-- {name}: made by generate --truth -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}{table}{end}{after}"
    return text


def _months_table(measured: Sequence[Truth]) -> str:
    header = ["period", "rows", "authorised", "best ROC AUC", *(n.replace("_", " ") for n in measured[0].shift)]
    rows = [
        [
            t.period,
            f"{t.rows:,}",
            f"{t.base_rate:.1%}",
            f"{t.best_roc_auc:.3f}",
            *(f"{v:.2f}" for v in t.shift.values()),
        ]
        for t in measured
    ]
    return _table(header, rows)


def _concept_table() -> str:
    return _table(
        ["term", "before", "after", "what it is"],
        [[t.name.replace("_", " "), f"{t.before:+.2f}", f"{t.after:+.2f}", t.meaning] for t in TERMS],
    )


def _table(header: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)
