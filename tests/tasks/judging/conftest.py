"""A model that is quick to fit, and files to judge with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from governance.project_file import ModelSettings, Store
from governance.vocabulary import PredictionType
from tasks.data.joining import read_training_table
from tasks.data.sources import Source
from tasks.drift.profile import ReferenceProfile, fit_profile
from tasks.judging.yardstick import Yardstick, watched_columns
from tasks.learning.fit import TrainedModel, train_model

SETTINGS = ModelSettings(
    target="repaid",
    prediction_type=PredictionType.BINARY,
    time_column="day",
    weight_column="size",
    estimator="sklearn.linear_model.LogisticRegression",
)


def loans(rows: int, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    amount = random.gamma(2, 50, rows).round(2)
    return pd.DataFrame(
        {
            "day": pd.date_range("2024-01-01", periods=rows, freq="h").strftime("%Y-%m-%d"),
            "amount": amount,
            "kind": random.choice(["car", "house", "trip"], rows),
            "region": random.choice(["north", "south"], rows),
            "size": random.integers(1, 4, rows),
            "repaid": np.where(amount + random.normal(0, 40, rows) > 100, "yes", "no"),
        }
    )


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    file = tmp_path_factory.mktemp("loans") / "train.csv"
    loans(800).to_csv(file, index=False)
    settings = SETTINGS.model_copy(update={"features": SETTINGS.features.model_copy(update={"exclude": ["region"]})})
    table = read_training_table([Source("train", file, "csv")], "loans", settings)
    return train_model(table.frame, "loans", settings, table.schema, "train")


@pytest.fixture(scope="session")
def profile(trained: TrainedModel) -> ReferenceProfile:
    return fit_profile(trained.reference, trained.schema, calibrate=False)


@pytest.fixture
def yardstick(trained: TrainedModel) -> Callable[..., Yardstick]:
    """By the model, with labels and weights; what is given is otherwise."""

    def make(**changes: Any) -> Yardstick:
        store = Store.model_validate(
            {"model": "m", "segments": [{"column": "region"}, {"column": "amount", "quantiles": 4}]}
        )
        fields = {
            "schema": trained.schema,
            "model": trained.fitted,
            "brought": None,
            "threshold": trained.threshold,
            "features": SETTINGS.features,
            "labelled": True,
            "weight_column": "size",
            "watched": watched_columns(store, trained.schema),
        }
        return Yardstick(**(fields | changes))

    return make


@pytest.fixture
def written(tmp_path: Path) -> Callable[[pd.DataFrame], Source]:
    """A frame as a CSV file."""

    def write(frame: pd.DataFrame, name: str = "current") -> Source:
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        return Source(name, tmp_path / f"{name}.csv", "csv")

    return write
