"""Why a purchase is refused: the probability that the labels are drawn from, as a function of the row alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deployments.projects.credit_card_fraud.recipe import TERMS, Period, find_period

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def probability(frame: pd.DataFrame, period: str | Period) -> NDArray[np.float64]:
    """The true probability that ``authorized_flag`` is 1.

    It uses nothing but what stands in the file (rounded, with its missing values), so no model can do
    better on average than to predict exactly this.

    Args:
        frame: Rows with the columns of the files, as generated or as read back.
        period: The period whose rules hold, e.g. ``2017_09``.

    Returns:
        One probability per row, in (0, 1).

    Example:
        >>> from deployments.projects.credit_card_fraud.purchases import draw_purchases
        >>> rows = draw_purchases("2017_q1", rows=1_000, seed=2017)
        >>> bool((probability(rows, "2017_q1") != probability(rows, "2017_12")).all())
        True
    """
    concept = (find_period(period) if isinstance(period, str) else period).concept
    values = terms(frame)
    log_odds = sum(
        (((1 - concept) * t.before + concept * t.after) * values[t.name] for t in TERMS), np.zeros(len(frame))
    )
    return np.asarray(1 / (1 + np.exp(log_odds)), dtype=np.float64)


def terms(frame: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """The value of every term of the concept, row by row; what each is stands in ``recipe.TERMS``."""

    def numbers(column: str) -> NDArray[np.float64]:
        return frame[column].to_numpy(dtype=np.float64, na_value=np.nan)

    def is_level(column: str, level: str) -> NDArray[np.float64]:
        return np.where(frame[column] == level, 1.0, 0.0)

    amount = np.log(numbers("purchase_amount") / 40)
    distance = (np.log1p(numbers("merchant_cardholder_distance")) - 3) / 2
    score = numbers("card_fico_score")
    return {
        "constant": np.ones(len(frame)),
        "amount": amount,
        "distance": distance,
        "amount_far_away": amount * distance,
        "score": (np.where(np.isnan(score), 670.0, score) - 700) / 60,
        "age": (numbers("card_age") - 60) / 36,
        "activity": (numbers("card_days_active") - 120) / 60,
        "gambling": is_level("item_category", "gambling"),
        "digital": is_level("item_category", "digital"),
        "no_signature": 1 - numbers("signature_provided"),
        "basic_program": is_level("card_reward_program", "basic"),
    }
