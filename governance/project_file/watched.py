"""What is watched: data sources, models, stores and their checks."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from governance.project_file.section import Key, Label, Misuse, Section
from governance.vocabulary import (
    Averaging,
    DriftModel,
    EmptyPolicy,
    Handling,
    OnFailure,
    PredictionType,
    SamplingMethod,
    SplitMethod,
)


class DataSource(Section):
    """One file, a series of files that differ where the path has its ``*``, or the rows of a query."""

    path: str | None = Field(
        default=None, min_length=1, description="Relative to the project's folder; one * makes it a series of files."
    )
    query: str | None = Field(default=None, min_length=1, description="SELECT of a database, instead of a path.")
    url_variable: str | None = Field(
        default=None,
        pattern=r"^[A-Z][A-Z0-9_]*$",
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
    custom_metrics: dict[Key, str] = Field(
        default={},
        description="Name: file.py:function beside project.yaml, taking (y_true, y_pred, probabilities, sample, reference).",
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
            if self.cost_matrix is not None:
                raise Misuse(f"a {self.prediction_type} model has no cost_matrix", "remove it")
        if self.averaging is not Averaging.MACRO and self.prediction_type is not PredictionType.MULTICLASS:
            raise Misuse(f"a {self.prediction_type} model has nothing to average", "remove averaging")
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
        return self.metric or ("r2" if self.prediction_type is PredictionType.REGRESSION else "roc_auc")


class RowCondition(Section):
    """What rows must be like to be judged: one column, and everything that is said of it."""

    column: str = Field(min_length=1)
    equals: Label | None = None
    one_of: list[Label] | None = Field(default=None, min_length=1)
    none_of: list[Label] | None = Field(default=None, min_length=1)
    at_least: float | str | None = Field(default=None, description="Numbers, or dates as ISO 8601 text.")
    below: float | str | None = Field(default=None, description="Likewise; the bound itself is outside.")
    missing: bool | None = Field(
        default=None, description="true: only rows without a value; false: only rows with one."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.model_fields_set <= {"column"}:
            known = ", ".join(name for name in type(self).model_fields if name != "column")
            raise Misuse(f"nothing is said of column {self.column!r}", f"add one of {known}")
        return self


class Sampling(Section):
    """Which rows of an evaluation dataset are judged. Seeded: the same input gives the same sample."""

    method: SamplingMethod = SamplingMethod.RANDOM
    rows: int = Field(default=10_000, ge=1, description="For head, random and class_rebalance: how many, about.")
    ratio: float | None = Field(default=None, gt=0, le=1, description="For ratio: share of the rows.")
    column: str | None = Field(default=None, description="For class_rebalance: every value gets equally many rows.")
    where: list[RowCondition] = Field(default=[], description="Only rows that fulfil all of these; before sampling.")
    seed: int = Field(default=1337, ge=0)
    kept_rows: int | None = Field(
        default=50_000, ge=100, description="Rows kept with the evaluation, at most; null keeps all that were judged."
    )

    @model_validator(mode="after")
    def _what_the_method_needs(self) -> Self:
        for name, method in (("ratio", SamplingMethod.RATIO), ("column", SamplingMethod.CLASS_REBALANCE)):
            if (getattr(self, name) is not None) != (self.method is method):
                raise Misuse(f"{name} and method {method} belong together", f"give both, or leave {name} out")
        return self


class FalseAlarmRate(Section):
    """How often input drift may be reported where there is none: for one column by itself, and for all together."""

    error: float = Field(default=0.01, ge=0.001, lt=0.5)
    warning: float = Field(default=0.05, ge=0.001, lt=0.5)

    @model_validator(mode="after")
    def _error_is_rarer(self) -> Self:
        if self.error > self.warning:
            raise Misuse("error is above warning", "keep error <= warning")
        return self


class Drift(Section):
    """How input drift is measured."""

    model: DriftModel = DriftModel.GRADIENT_BOOSTING
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0, description="Of the interval around data_drift.")
    false_alarm_rate: FalseAlarmRate = FalseAlarmRate()
    importances: bool = Field(default=False, description="Feature drift importance even where no drift was found.")
    handling: dict[str, Handling] = Field(default={}, description="Forces the handling of a column in drift only.")
    methods: dict[str, Annotated[str, Field(pattern=r"^evidently:[a-z0-9_-]+$")]] = Field(
        default={}, description="Column: evidently:<test>, one of Evidently's tests, measured beside ours."
    )


class Segmentation(Section):
    """A split of every evaluation: one segment per value of a column, or per quantile of a numerical one."""

    column: str = Field(min_length=1)
    quantiles: int | None = Field(default=None, ge=2, le=20, description="Numerical columns; bounds of the reference.")
    minimum_rows: int = Field(default=100, ge=10, description="Segments with fewer rows are counted, not measured.")
    most: int = Field(default=20, ge=1, le=200, description="Segments, at most: those with the most rows.")


class Fairness(Section):
    """Whether groups of rows are treated alike; classification only."""

    attribute: str = Field(min_length=1, description="Column that says which group a row belongs to.")
    minimum_rows: int = Field(
        default=30, ge=1, description="Groups with fewer labelled rows are counted, not compared."
    )


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


class Standalone(Section):
    """Predictions of a model that driftgate does not keep: the data bring them."""

    prediction_type: PredictionType
    prediction: str = Field(default="prediction", description="Column of the predictions.")
    probabilities: dict[Label, str] = Field(default={}, description="Class: column of its probability, 0 to 1.")
    target: str | None = Field(default=None, description="Column of the labels, where there are any.")
    positive_class: Label | None = Field(default=None, description="Binary only; default: the greater of the two.")
    time_column: str | None = None
    weight_column: str | None = None
    reference: str | None = Field(
        default=None, description="Data source to compare with; without it there is no drift."
    )
    features: Features = Features()
    averaging: Averaging = Averaging.MACRO
    cost_matrix: CostMatrix | None = None
    custom_metrics: dict[Key, str] = Field(default={}, description="As of a model.")


class Store(Section):
    """A model evaluation store: of a model, or standalone."""

    model: Key | None = None
    standalone: Standalone | None = None
    data: str = Field(default="current", description="Data source that is judged when none is named.")
    performance: bool = Field(default=True, description="false: do not compute performance metrics; no labels needed.")
    skip_scoring: bool = Field(default=False, description="Use the columns prediction and proba_<class> of the data.")
    threshold: float | None = Field(default=None, ge=0, le=1, description="Binary only, instead of the version's.")
    sampling: Sampling = Sampling()
    drift: Drift = Drift()
    segments: list[Segmentation] = Field(default=[])
    fairness: list[Fairness] = Field(default=[])
    on_drift_failure: OnFailure = OnFailure.FAIL
    on_performance_failure: OnFailure = OnFailure.FAIL
    labels: dict[str, str] = Field(default={}, description="Put on every evaluation, e.g. team: fraud.")
    checks: list[NumericRange] = Field(default=[])

    @model_validator(mode="after")
    def _of_a_model_or_standalone(self) -> Self:
        if (self.model is None) == (self.standalone is None):
            raise Misuse("a store is of a model or standalone", "give it one of the two")
        if self.standalone is not None and self.skip_scoring:
            raise Misuse("a standalone store scores nothing", "remove skip_scoring")
        for part, names in (
            ("segments", [s.column for s in self.segments]),
            ("fairness", [f.attribute for f in self.fairness]),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise Misuse(f"{name!r} is twice among {part}", "remove one")
        return self
