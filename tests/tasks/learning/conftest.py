from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from governance.project_file import ModelSettings
from governance.vocabulary import Handling, PredictionType
from tasks.data.schema import Column, Schema

HANDLING = {
    "amount": Handling.NUMERICAL,
    "age": Handling.NUMERICAL,
    "country": Handling.CATEGORICAL,
    "merchant": Handling.CATEGORICAL,
    "opened": Handling.DATE,
}
CLASSES = {"binary": ("no", "yes"), "multiclass": ("high", "low", "middle"), "regression": ()}


def make_rows(kind: str = "binary", rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Mixed columns with missing values; ``amount``, ``age`` and ``country`` say something about the target."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "amount": random.normal(size=rows),
            "age": random.normal(size=rows),
            "country": pd.Series(random.choice(["UA", "RO", "PL"], rows), dtype="str"),
            "merchant": pd.Series([f"m{i}" for i in random.integers(0, 120, rows)], dtype="str"),
            "opened": pd.to_datetime("2020-01-01", utc=True) + pd.to_timedelta(random.integers(0, 900, rows), unit="D"),
        }
    )
    frame["opened"] = frame["opened"].astype("datetime64[us, UTC]")
    score = frame["amount"] + frame["age"] + (frame["country"] == "UA") + random.normal(size=rows)
    frame["target"] = {
        "binary": lambda: pd.Series(np.where(score > 0.5, "yes", "no"), dtype="str"),
        "multiclass": lambda: pd.Series(np.select([score > 1.5, score > -0.5], ["high", "middle"], "low"), dtype="str"),
        "regression": lambda: score,
    }[kind]()
    for name in HANDLING:
        frame.loc[random.random(rows) < 0.05, name] = None
    frame["when"] = (
        pd.to_datetime("2024-01-01", utc=True) + pd.to_timedelta(random.permutation(rows), unit="h")
    ).astype("datetime64[us, UTC]")
    return frame


def make_schema(
    kind: str = "binary", frame: pd.DataFrame | None = None, only: tuple[str, ...] = tuple(HANDLING)
) -> Schema:
    rows = make_rows(kind) if frame is None else frame
    return Schema(
        features=tuple(Column(name, HANDLING[name]) for name in only),
        target="target",
        prediction_type=PredictionType(kind),
        classes=CLASSES[kind],
        time_column="when",
        categories={
            name: tuple(sorted(rows[name].dropna().unique())) for name in only if HANDLING[name] is Handling.CATEGORICAL
        },
    )


def make_settings(kind: str = "binary", **fields: Any) -> ModelSettings:
    """Quick to fit: 30 trees, unless an estimator is named."""
    if "estimator" not in fields:
        fields.setdefault("parameters", {"max_iter": 30})
    return ModelSettings(target="target", prediction_type=PredictionType(kind), time_column="when", **fields)


@pytest.fixture(scope="session")
def rows() -> Callable[..., pd.DataFrame]:
    return make_rows


@pytest.fixture(scope="session")
def schema() -> Callable[..., Schema]:
    return make_schema


@pytest.fixture(scope="session")
def settings() -> Callable[..., ModelSettings]:
    return make_settings
