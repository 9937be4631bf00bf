"""Where data are, and models that are learned from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from governance.project_file.section import Key, Label, Misuse, Section, name_of_a_variable, place_of_a_function
from governance.vocabulary import (
    ActivationPolicy,
    Averaging,
    Handling,
    OnFailure,
    PredictionType,
    SameData,
    SplitMethod,
)

ONLY_OF: Final[Mapping[str, PredictionType]] = MappingProxyType(
    {
        "positive_class": PredictionType.BINARY,
        "threshold": PredictionType.BINARY,
        "cost_matrix": PredictionType.BINARY,
        "averaging": PredictionType.MULTICLASS,
    }
)
"""Settings that only one type of prediction has."""


def require_fit(prediction_type: PredictionType, given: Collection[str]) -> None:
    """Refuse a setting that such models lack. Raises: Misuse."""
    for name, only in ONLY_OF.items():
        if name in given and prediction_type is not only:
            raise Misuse(f"a {prediction_type} model has no {name}", "remove it")


def default_metric(prediction_type: PredictionType) -> str:
    """The metric people look at first where they name none.

    >>> default_metric(PredictionType.BINARY)
    'roc_auc'
    """
    return "r2" if prediction_type is PredictionType.REGRESSION else "roc_auc"


CustomMetrics = Annotated[
    dict[Key, Annotated[str, AfterValidator(place_of_a_function)]],
    Field(
        description="Name: file.py:function beside project.yaml, taking (y_true, y_pred, probabilities, sample, reference)."
    ),
]
"""Metrics that a project brings itself."""


class DataSource(Section):
    """One file, a series of files that differ where the path has its ``*``, or the rows of a query."""

    path: str | None = Field(
        default=None, min_length=1, description="Relative to the project's folder; one * makes it a series of files."
    )
    query: str | None = Field(default=None, min_length=1, description="SELECT of a database, instead of a path.")
    url_variable: Annotated[str, AfterValidator(name_of_a_variable)] | None = Field(
        default=None,
        description="With query: the environment variable that holds the SQLAlchemy URL, so that no password is here.",
    )
    format: Literal["csv", "parquet"] | None = Field(default=None, description="Default: by the ending of the file.")
    separator: str = Field(default=",", min_length=1, max_length=1, description="Between the columns of a CSV file.")

    @model_validator(mode="after")
    def _a_file_or_a_query(self) -> Self:
        if (self.path is None) == (self.query is None):
            raise Misuse("it has to name either a path or a query", "give it one of the two")
        if (self.query is None) != (self.url_variable is None):
            raise Misuse("query and url_variable belong together", "give both, or neither")
        if self.query is not None and self.model_fields_set & {"format", "separator"}:
            raise Misuse("a query has neither format nor separator", "remove them")
        if self.path is not None and self.path.count("*") > 1:
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


class CostMatrix(Section):
    """What a row is worth by how it was predicted; a cost is negative. In any unit of the user's."""

    true_positive: float = 0.0
    false_positive: float = 0.0
    false_negative: float = 0.0
    true_negative: float = 0.0


class ActivationSettings(Section):
    """What a scenario does with a version that it has trained. Whatever it is, the gate is asked."""

    policy: ActivationPolicy = ActivationPolicy.MANUAL
    environment: Key | None = Field(default=None, description="Default: the monitored environment.")
    metric: str | None = Field(default=None, description="For if_better; default: the metric to focus on.")
    minimal_gain: float = Field(default=0.0, ge=0, description="For if_better: in the unit of the metric.")
    confidence: float = Field(
        default=0.95, gt=0.5, lt=1.0, description="For if_better: that the gain is no accident of these rows."
    )

    @model_validator(mode="after")
    def _compared_if_at_all(self) -> Self:
        for name in ("metric", "minimal_gain", "confidence"):
            if name in self.model_fields_set and self.policy is not ActivationPolicy.IF_BETTER:
                raise Misuse(f"{name} is for policy: if_better, and it is {self.policy}", f"remove {name}")
        return self


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
    weight_column: str | None = Field(
        default=None, description="How much a row counts in performance; never a feature."
    )
    averaging: Averaging = Field(default=Averaging.MACRO, description="Multiclass: of one-vs-rest metrics.")
    cost_matrix: CostMatrix | None = Field(default=None, description="Binary only: makes the metric cost_gain.")
    custom_metrics: CustomMetrics = Field(default={})
    reference_rows: int = Field(default=50_000, ge=100, description="Rows of the test part kept as reference, at most.")
    metric: str | None = Field(default=None, description="Metric to focus on; default: roc_auc, or r2 for regression.")

    activation: ActivationSettings = ActivationSettings()
    same_data: SameData = Field(
        default=SameData.REFUSE, description="Training by a scenario on the data of the version before, byte for byte."
    )

    @model_validator(mode="after")
    def _fits_the_prediction_type(self) -> Self:
        require_fit(self.prediction_type, self.model_fields_set)
        if self.weight_column in {self.target, self.time_column, *(self.features.include or ())} - {None}:
            raise Misuse(f"{self.weight_column!r} is the weight and something else besides", "name a column of its own")
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
        return self.metric or default_metric(self.prediction_type)
