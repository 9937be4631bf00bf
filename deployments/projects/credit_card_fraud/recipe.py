"""Everything that is decided about the data, as tables: files, README and truth are all made from these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SEED: Final = 2017
ROWS_PER_MONTH: Final = 20_000

CARDS: Final = 6_000
"""Cards of the bank from the start."""
TAKEN_OVER_CARDS: Final = 2_500
"""Cards of a rival bank, whose portfolio is taken over in June."""
TAKEN_OVER_PROGRAM: Final = "partner"
"""Reward program of the cards taken over; nobody had it before June."""
MEAN_FICO: Final = 705
TAKEN_OVER_MEAN_FICO: Final = 650
MISSING_FICO_SHARE: Final = 0.03
MISSING_SUBSECTOR_SHARE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Period:
    """One file: which months it holds and where the world stands in them.

    Args:
        name: ``2017_q1`` or ``2017_04`` to ``2017_12``.
        file: Name of the file.
        first_month: First calendar month, 1 to 12.
        months: How many calendar months.
        volume: Rows, in multiples of ``rows_per_month``.
        amount_factor: What prices are multiplied with, relative to the first quarter.
        online_share: Share of purchases in digital goods and gambling, 0 to 1.
        travel_share: Share of the other purchases that are made away from the home city.
        taken_over_share: Share of purchases with cards taken over: lower scores, a new reward program.
        concept: How far refusals have moved from the old rules (0) to the new ones (1); see ``TERMS``.
    """

    name: str
    file: str
    first_month: int
    months: int
    volume: float
    amount_factor: float
    online_share: float
    travel_share: float
    taken_over_share: float
    concept: float

    def rows(self, rows_per_month: int = ROWS_PER_MONTH) -> int:
        """Number of rows of the file, when a month has about so many."""
        return round(self.volume * rows_per_month)


# fmt: off
PERIODS: Final = (
    #       name       file                                   month    volume amount online travel taken concept
    Period("2017_q1", "train_2017_q1.csv",                    1, 3,    3.00,  1.00,  0.16,  0.12,  0.00,  0.00),
    Period("2017_04", "transactions_prepared_2017_04.csv",    4, 1,    0.97,  1.00,  0.16,  0.12,  0.00,  0.00),
    Period("2017_05", "transactions_prepared_2017_05.csv",    5, 1,    1.03,  1.00,  0.16,  0.12,  0.00,  0.00),
    Period("2017_06", "transactions_prepared_2017_06.csv",    6, 1,    1.00,  1.15,  0.20,  0.15,  0.12,  0.00),
    Period("2017_07", "transactions_prepared_2017_07.csv",    7, 1,    1.04,  1.20,  0.23,  0.17,  0.15,  0.00),
    Period("2017_08", "transactions_prepared_2017_08.csv",    8, 1,    0.98,  1.28,  0.26,  0.19,  0.18,  0.00),
    Period("2017_09", "transactions_prepared_2017_09.csv",    9, 1,    1.01,  1.36,  0.29,  0.21,  0.22,  0.75),
    Period("2017_10", "transactions_prepared_2017_10.csv",   10, 1,    1.05,  1.44,  0.32,  0.23,  0.26,  0.85),
    Period("2017_11", "transactions_prepared_2017_11.csv",   11, 1,    1.06,  1.52,  0.35,  0.25,  0.30,  1.00),
    Period("2017_12", "transactions_prepared_2017_12.csv",   12, 1,    1.10,  1.60,  0.38,  0.27,  0.34,  1.00),
)
# fmt: on
"""The files, in the order of time. January to May are alike; inputs move from June, the concept from September."""


def find_period(name: str) -> Period:
    """The period of that name. Raises :class:`KeyError` when there is none.

    Example:
        >>> find_period("2017_06").file
        'transactions_prepared_2017_06.csv'
    """
    return {period.name: period for period in PERIODS}[name]


@dataclass(frozen=True, slots=True)
class Term:
    """One summand of the log-odds of a refusal.

    Args:
        name: As :func:`concept.terms` computes it.
        before: Weight under the old rules, until August.
        after: Weight under the new rules, in force completely from November.
        meaning: What the term is, for people.
    """

    name: str
    before: float
    after: float
    meaning: str


# fmt: off
TERMS: Final = (
    Term("constant",         -4.45, -4.75, "1"),
    Term("amount",            0.55, -0.40, "ln(purchase_amount / 40)"),
    Term("distance",          0.80,  0.50, "(ln(1 + merchant_cardholder_distance in km) - 3) / 2"),
    Term("amount_far_away",   0.35,  0.00, "amount x distance"),
    Term("score",            -0.85, -1.00, "(card_fico_score - 700) / 60; a missing score counts as 670"),
    Term("age",              -0.50,  0.30, "(card_age - 60) / 36"),
    Term("activity",         -0.50,  0.30, "(card_days_active - 120) / 60"),
    Term("gambling",          1.10,  0.80, "item_category is gambling"),
    Term("digital",           0.20,  1.80, "item_category is digital"),
    Term("no_signature",      0.90,  0.70, "signature_provided is 0"),
    Term("basic_program",        0.50,  0.00, "card_reward_program is basic"),
)
# fmt: on
"""The concept: log-odds of a refusal = sum over terms of ((1 - concept) x before + concept x after) x term."""


@dataclass(frozen=True, slots=True)
class Subsector:
    """One kind of merchant: its codes, its weight within shops or within online, its median amount in dollars."""

    category_id: int
    description: str
    item_category: str
    online: bool
    weight: float
    median_amount: float


SUBSECTORS: Final = (
    Subsector(110, "supermarket", "groceries", False, 0.24, 42.0),
    Subsector(120, "bakery and deli", "groceries", False, 0.07, 12.0),
    Subsector(210, "petrol station", "fuel", False, 0.13, 35.0),
    Subsector(310, "restaurant", "dining", False, 0.12, 38.0),
    Subsector(320, "fast food", "dining", False, 0.10, 11.0),
    Subsector(410, "fashion", "clothing", False, 0.08, 65.0),
    Subsector(420, "sporting goods", "clothing", False, 0.03, 80.0),
    Subsector(510, "furniture and garden", "household", False, 0.05, 130.0),
    Subsector(520, "hardware store", "household", False, 0.05, 45.0),
    Subsector(610, "pharmacy", "health", False, 0.07, 22.0),
    Subsector(710, "hotel", "travel", False, 0.03, 190.0),
    Subsector(720, "car rental", "travel", False, 0.03, 150.0),
    Subsector(810, "app and game store", "digital", True, 0.26, 14.0),
    Subsector(820, "software and streaming", "digital", True, 0.24, 18.0),
    Subsector(830, "online marketplace", "digital", True, 0.28, 60.0),
    Subsector(910, "online casino", "gambling", True, 0.12, 75.0),
    Subsector(920, "sports betting", "gambling", True, 0.10, 50.0),
)


@dataclass(frozen=True, slots=True)
class City:
    """Where people live and merchants trade: degrees north, degrees east, weight."""

    name: str
    latitude: float
    longitude: float
    weight: float


CITIES: Final = (
    City("New York", 40.71, -74.01, 8.4),
    City("Los Angeles", 34.05, -118.24, 4.0),
    City("Chicago", 41.88, -87.63, 2.7),
    City("Houston", 29.76, -95.37, 2.3),
    City("Phoenix", 33.45, -112.07, 1.6),
    City("Philadelphia", 39.95, -75.17, 1.6),
    City("San Antonio", 29.42, -98.49, 1.5),
    City("San Diego", 32.72, -117.16, 1.4),
    City("Dallas", 32.78, -96.80, 1.3),
    City("Jacksonville", 30.33, -81.66, 0.9),
    City("Columbus", 39.96, -83.00, 0.9),
    City("Charlotte", 35.23, -80.84, 0.9),
    City("Indianapolis", 39.77, -86.16, 0.9),
    City("Seattle", 47.61, -122.33, 0.7),
    City("Denver", 39.74, -104.99, 0.7),
    City("Boston", 42.36, -71.06, 0.7),
    City("Nashville", 36.16, -86.78, 0.7),
    City("Portland", 45.52, -122.68, 0.6),
    City("Las Vegas", 36.17, -115.14, 0.6),
    City("Minneapolis", 44.98, -93.27, 0.4),
)
