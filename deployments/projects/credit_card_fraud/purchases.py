"""Cards, merchants and the purchases between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from deployments.projects.credit_card_fraud.concept import probability
from deployments.projects.credit_card_fraud.recipe import (
    CARDS,
    CITIES,
    MEAN_FICO,
    MISSING_FICO_SHARE,
    MISSING_SUBSECTOR_SHARE,
    PERIODS,
    SUBSECTORS,
    TAKEN_OVER_CARDS,
    TAKEN_OVER_MEAN_FICO,
    TAKEN_OVER_PROGRAM,
    Period,
    find_period,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

EARTH_RADIUS_KM: Final = 6371.0088
"""Mean radius. Source: IUGG, Geodetic Reference System 1980."""

_MERCHANTS_PER_CELL: Final = 3
_WORLD, _ROWS = 0, 1
_SECONDS_PER_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class World:
    """What does not change in the course of the year, one entry per card or merchant.

    Cards come first the bank's own, then those taken over. Merchants are ordered by city, then subsector.
    """

    card_city: NDArray[np.int64]
    card_latitude: NDArray[np.float64]
    card_longitude: NDArray[np.float64]
    card_weight: NDArray[np.float64]
    card_spending: NDArray[np.float64]
    card_fico: NDArray[np.int64]
    card_age: NDArray[np.int64]
    card_program: NDArray[np.str_]
    card_mean_days_active: NDArray[np.float64]
    merchant_latitude: NDArray[np.float64]
    merchant_longitude: NDArray[np.float64]


@lru_cache(maxsize=4)
def make_world(seed: int) -> World:
    """Cards and merchants of a seed: the same in every period, whatever the number of rows."""
    rng = np.random.default_rng([seed, _WORLD])
    cards = CARDS + TAKEN_OVER_CARDS
    taken_over = np.arange(cards) >= CARDS
    latitude, longitude = (np.array([getattr(c, name) for c in CITIES]) for name in ("latitude", "longitude"))
    card_city = _choose(rng, _city_shares(), cards)
    merchant_city = np.repeat(np.arange(len(CITIES)), len(SUBSECTORS) * _MERCHANTS_PER_CELL)
    programs = np.array(["basic", "points", "cashback", "miles"])[
        _choose(rng, np.array([0.35, 0.30, 0.20, 0.15]), cards)
    ]
    return World(
        card_city=card_city,
        card_latitude=(latitude[card_city] + rng.normal(0, 0.13, cards)).round(4),
        card_longitude=(longitude[card_city] + rng.normal(0, 0.16, cards)).round(4),
        card_weight=rng.gamma(2.0, 1.0, cards),
        card_spending=np.exp(rng.normal(0, 0.35, cards)),
        card_fico=np.clip(rng.normal(np.where(taken_over, TAKEN_OVER_MEAN_FICO, MEAN_FICO), 62), 300, 850)
        .round()
        .astype(np.int64),
        card_age=np.clip(rng.gamma(2.6, 23, cards), 1, 240).round().astype(np.int64),
        card_program=np.where(taken_over, TAKEN_OVER_PROGRAM, programs),
        card_mean_days_active=np.clip(rng.gamma(4.5, 27, cards), 5, 330),
        merchant_latitude=(latitude[merchant_city] + rng.normal(0, 0.07, len(merchant_city))).round(4),
        merchant_longitude=(longitude[merchant_city] + rng.normal(0, 0.09, len(merchant_city))).round(4),
    )


def draw_purchases(period: str | Period, *, rows: int, seed: int, stream: int = 0) -> pd.DataFrame:
    """Purchases of one period, in the order of time, with their labels.

    Rows of a period are independent of one another given the world, and every period draws on the same
    world: a sample of April can be told from one of January by its dates and its identifiers only.

    Args:
        period: One of the periods of the recipe.
        rows: How many, at least 1.
        seed: Of the world and of the draw; the same seed and rows give the same frame.
        stream: Another number gives other purchases in the same world, e.g. to measure the truth on.

    Returns:
        Columns as in the README, dtypes int64, float64, datetime64[s], str and Int64 (the score, nullable).

    Example:
        >>> draw_purchases("2017_06", rows=500, seed=2017)["purchase_date"].dt.month.unique().tolist()
        [6]
    """
    import pandas as pd

    if isinstance(period, str):
        period = find_period(period)
    world = make_world(seed)
    number = PERIODS.index(period)
    rng = np.random.default_rng([seed, _ROWS, number, stream])

    card = _choose_cards(rng, world, period, rows)
    subsector, online = _choose_subsectors(rng, period, rows)
    elsewhere = online | (rng.random(rows) < period.travel_share)
    city = np.where(elsewhere, _choose(rng, _city_shares(), rows), world.card_city[card])
    merchant = (city * len(SUBSECTORS) + subsector) * _MERCHANTS_PER_CELL + rng.integers(_MERCHANTS_PER_CELL, size=rows)

    median_amount = np.array([s.median_amount for s in SUBSECTORS])[subsector]
    amount = median_amount * world.card_spending[card] * period.amount_factor * np.exp(rng.normal(0, 0.65, rows))
    days_active = world.card_mean_days_active[card] + rng.normal(0, 10, rows)
    descriptions = np.array([s.description for s in SUBSECTORS], dtype=object)[subsector]
    descriptions[rng.random(rows) < MISSING_SUBSECTOR_SHARE] = None
    fico = pd.array(world.card_fico[card], dtype="Int64")
    fico[rng.random(rows) < MISSING_FICO_SHARE] = pd.NA

    frame = pd.DataFrame(
        {
            "transaction_id": (number + 1) * 100_000_000 + np.arange(1, rows + 1),
            "purchase_date": _draw_times(rng, period, rows),
            "card_id": np.array([f"C{n:05d}" for n in range(1, len(world.card_city) + 1)], dtype=object)[card],
            "merchant_id": np.array([f"M{n:05d}" for n in range(1, len(world.merchant_latitude) + 1)], dtype=object)[
                merchant
            ],
            "merchant_category_id": np.array([s.category_id for s in SUBSECTORS])[subsector],
            "item_category": _item_categories(rng, subsector, online),
            "purchase_amount": np.maximum(amount, 0.5).round(2),
            "signature_provided": (~online & (rng.random(rows) < 0.6)).astype(np.int64),
            "merchant_subsector_description": descriptions,
            "merchant_cardholder_distance": great_circle_km(
                world.card_latitude[card],
                world.card_longitude[card],
                world.merchant_latitude[merchant],
                world.merchant_longitude[merchant],
            ).round(3),
            "card_fico_score": fico,
            "card_age": world.card_age[card],
            "card_reward_program": world.card_program.astype(object)[card],
            "card_days_active": np.clip(days_active, 1, 365).round().astype(np.int64),
            "card_latitude": world.card_latitude[card],
            "card_longitude": world.card_longitude[card],
            "merchant_latitude": world.merchant_latitude[merchant],
            "merchant_longitude": world.merchant_longitude[merchant],
        }
    )
    frame["authorized_flag"] = (rng.random(rows) < probability(frame, period)).astype(np.int64)
    return frame


def great_circle_km(
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
    other_latitude: NDArray[np.float64],
    other_longitude: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Distance over the globe in kilometres, of points in degrees, by the haversine formula.

    Source: R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984), 159.

    Example:
        A degree along the equator:

        >>> great_circle_km(np.array([0.0]), np.array([0.0]), np.array([0.0]), np.array([1.0])).round(2)
        array([111.2])
    """
    phi, other_phi = np.radians(latitude), np.radians(other_latitude)
    half_chord = (
        np.sin((other_phi - phi) / 2) ** 2
        + np.cos(phi) * np.cos(other_phi) * np.sin(np.radians(other_longitude - longitude) / 2) ** 2
    )
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half_chord, 0, 1))), dtype=np.float64)


def _choose(rng: np.random.Generator, weights: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    steps = np.cumsum(weights)
    chosen: NDArray[np.int64] = np.searchsorted(steps, rng.random(size) * steps[-1], side="right")
    # The product can be rounded up to the last step.
    return np.minimum(chosen, len(weights) - 1)


def _city_shares() -> NDArray[np.float64]:
    return np.array([city.weight for city in CITIES])


def _choose_cards(rng: np.random.Generator, world: World, period: Period, rows: int) -> NDArray[np.int64]:
    own = _choose(rng, world.card_weight[:CARDS], rows)
    taken_over = CARDS + _choose(rng, world.card_weight[CARDS:], rows)
    return np.where(rng.random(rows) < period.taken_over_share, taken_over, own)


def _choose_subsectors(
    rng: np.random.Generator, period: Period, rows: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    weights = np.array([s.weight for s in SUBSECTORS])
    is_online = np.array([s.online for s in SUBSECTORS])
    online = rng.random(rows) < period.online_share
    chosen = np.where(
        online,
        _choose(rng, np.where(is_online, weights, 0.0), rows),
        _choose(rng, np.where(is_online, 0.0, weights), rows),
    )
    return chosen, online


def _item_categories(
    rng: np.random.Generator, subsector: NDArray[np.int64], online: NDArray[np.bool_]
) -> NDArray[np.object_]:
    """What was bought: mostly what such merchants sell, now and then in a shop something else."""
    usual = np.array([s.item_category for s in SUBSECTORS], dtype=object)
    shops = np.array(sorted({s.item_category for s in SUBSECTORS if not s.online}), dtype=object)
    other = ~online & (rng.random(len(subsector)) < 0.08)
    return np.where(other, shops[rng.integers(len(shops), size=len(subsector))], usual[subsector])


def _draw_times(rng: np.random.Generator, period: Period, rows: int) -> NDArray[np.datetime64]:
    """Moments in UTC, sorted: all days alike, afternoons busier than nights."""
    first = np.datetime64(f"2017-{period.first_month:02d}", "M")
    start, end = first.astype("datetime64[s]"), (first + period.months).astype("datetime64[s]")
    days = int((end - start) / np.timedelta64(1, "D"))
    seconds = (rng.beta(3.0, 2.2, rows) * _SECONDS_PER_DAY).astype(np.int64).clip(0, _SECONDS_PER_DAY - 1)
    return np.sort(start + rng.integers(days, size=rows) * _SECONDS_PER_DAY + seconds)
