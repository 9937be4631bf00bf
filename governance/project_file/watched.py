"""What is watched: data sources, models, stores and their checks."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from governance.project_file.section import Key, Label, Misuse, Section
from governance.vocabulary import (
    DriftModel,
    EmptyPolicy,
    Handling,
    OnFailure,
    PredictionType,
    SamplingMethod,
    SplitMethod,
)


class DataSource(Section):
    """One file, or a series of files that differ where the path has its ``*``."""

    path: str = Field(min_length=1, description="Relative to the project's folder; one * makes it a series of files.")
    format: Literal["csv", "parquet"] | None = Field(default=None, description="Default: by the ending of the file.")
    separator: str = Field(default=",", min_length=1, max_length=1, description="Between the columns of a CSV file.")

    @model_validator(mode="after")
    def _one_star(self) -> Self:
        if self.path.count("*") > 1:
            raise Misuse(f"{self.path!r} has more than one *", "leave the one that differs from file to file")
        return self


class Features(Section):
    """Which columns the model sees, and as what."""

    include: list[str] | None = Field(
        default=None, description="Only these; default: every column that is not excluded."
    )
    exclude: list[str] = Field(default=[], description="Never these: identifiers, and what is known only afterwards.")
    handling: dict[str, Handling] = Field(default={}, description="Forces the handling of a column; default: inferred.")
    on_unseen_category: OnFailure = Field(
        default=OnFailure.WARN, description="A category that training never saw: warn, or refuse the data."
    )

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if both := sorted(set(self.include or ()) & set(self.exclude)):
            raise Misuse(f"{both[0]!r} is both included and excluded", "remove it from one of the two")
        return self


class Split(Section):
    """How training data are divided."""

    method: SplitMethod = SplitMethod.RANDOM
    test_share: float = Field(default=0.2, ge=0.05, le=0.5, description="Share of the rows that is measured on.")
    seed: int = Field(default=1337, ge=0)


class ModelSettings(Section):
    """One saved model."""

    target: str = Field(min_length=1)
    prediction_type: PredictionType
    positive_class: Label | None = Field(default=None, description="Binary only; default: the greater of the two.")
    time_column: str | None = Field(default=None, description="When a row happened; never a feature unless included.")
    train_on: str = Field(default="training", description="Data source of the training data.")
    features: Features = Features()
    estimator: str = Field(default="default", description="Import path of a scikit-learn estimator, or 'default'.")
    parameters: dict[str, Any] = Field(default={}, description="Keyword arguments of the estimator.")
    split: Split = Split()
    refit_on_full: bool = Field(default=False, description="After measuring, fit again on all rows.")
    threshold: Annotated[float, Field(ge=0, le=1)] | Literal["max_f1"] = Field(
        default=0.5, description="Binary only: probability from which a row is positive."
    )
    reference_rows: int = Field(default=50_000, ge=100, description="Rows of the test part kept as reference, at most.")
    metric: str | None = Field(default=None, description="Metric to focus on; default: roc_auc, or r2 for regression.")

    @model_validator(mode="after")
    def _fits_the_prediction_type(self) -> Self:
        if self.prediction_type is not PredictionType.BINARY:
            if self.positive_class is not None:
                raise Misuse(f"a {self.prediction_type} model has no positive_class", "remove it")
            if "threshold" in self.model_fields_set:
                raise Misuse(f"a {self.prediction_type} model has no threshold", "remove it")
        if self.target == self.time_column:
            raise Misuse(f"{self.target!r} is both target and time_column", "name two columns")
        if self.target in (self.features.include or ()):
            raise Misuse(f"the target {self.target!r} is among features.include", "remove it there")
        if self.split.method is SplitMethod.TIME and self.time_column is None:
            raise Misuse("a split by time needs a time_column", "name it, or use method: random")
        return self

    @property
    def metric_to_focus(self) -> str:
        """The metric people look at first."""
        return self.metric or ("r2" if self.prediction_type is PredictionType.REGRESSION else "roc_auc")


class Sampling(Section):
    """Which rows of an evaluation dataset are judged. Seeded: the same input gives the same sample."""

    method: SamplingMethod = SamplingMethod.RANDOM
    rows: int = Field(default=10_000, ge=1, description="For head and random: how many.")
    seed: int = Field(default=1337, ge=0)


class Drift(Section):
    """How input drift is measured."""

    model: DriftModel = DriftModel.GRADIENT_BOOSTING
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0, description="Of the interval around data_drift.")
    handling: dict[str, Handling] = Field(default={}, description="Forces the handling of a column in drift only.")


class NumericRange(Section):
    """A metric between bounds. A bound itself is OK."""

    name: str = Field(min_length=1)
    type: Literal["numeric_range"] = "numeric_range"
    metric: str = Field(min_length=1)
    minimum: float | None = None
    soft_minimum: float | None = None
    soft_maximum: float | None = None
    maximum: float | None = None
    empty: EmptyPolicy = Field(
        default=EmptyPolicy.WARNING, description="What it does to the step when the metric has no value."
    )

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        bounds = [b for b in (self.minimum, self.soft_minimum, self.soft_maximum, self.maximum) if b is not None]
        if not bounds:
            raise Misuse("no bound is given", "set at least one of minimum, soft_minimum, soft_maximum, maximum")
        if bounds != sorted(bounds):
            raise Misuse("the bounds are out of order", "keep minimum <= soft_minimum <= soft_maximum <= maximum")
        return self


class Store(Section):
    """A model evaluation store."""

    model: Key
    data: str = Field(default="current", description="Data source that is judged when none is named.")
    performance: bool = Field(default=True, description="false: do not compute performance metrics; no labels needed.")
    sampling: Sampling = Sampling()
    drift: Drift = Drift()
    on_drift_failure: OnFailure = OnFailure.FAIL
    on_performance_failure: OnFailure = OnFailure.FAIL
    labels: dict[str, str] = Field(default={}, description="Put on every evaluation, e.g. team: fraud.")
    checks: list[NumericRange] = Field(default=[])
