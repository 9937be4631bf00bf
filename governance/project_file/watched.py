"""What is watched: stores, which rows they judge, how drift is measured there, and their checks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from governance.project_file.checks import AnyCheck
from governance.project_file.models import CostMatrix, CustomMetrics, Features, default_metric, require_fit
from governance.project_file.section import Bound, Key, Label, Misuse, Section
from governance.vocabulary import (
    Averaging,
    DriftModel,
    Handling,
    OnFailure,
    PredictionType,
    SamplingMethod,
)


def _test_of_evidently(text: str) -> str:
    if re.fullmatch(r"evidently:[a-z0-9_-]+", text) is None:
        raise Misuse(f"{text!r} names no test", "write evidently: and one of its tests, e.g. evidently:wasserstein")
    return text


class RowCondition(Section):
    """What rows must be like to be judged: one column, and everything that is said of it."""

    column: str = Field(min_length=1)
    equals: Label | None = None
    one_of: list[Label] | None = Field(default=None, min_length=1)
    none_of: list[Label] | None = Field(default=None, min_length=1)
    at_least: Bound | None = Field(default=None, description="A number, or a date as in 2024-12-31.")
    below: Bound | None = Field(default=None, description="Likewise; the bound itself is outside.")
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

    method: SamplingMethod = Field(default=SamplingMethod.FULL, description="Every row, unless another one is named.")
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
        if "rows" in self.model_fields_set and "method" not in self.model_fields_set:
            raise Misuse("rows are given, but not how they are chosen", "add method: random, or method: head")
        for name, method in (("ratio", SamplingMethod.RATIO), ("column", SamplingMethod.CLASS_REBALANCE)):
            if (getattr(self, name) is not None) != (self.method is method):
                raise Misuse(f"{name} and method {method} belong together", f"give both, or leave {name} out")
        return self


LOWEST_RATE: Final = 0.005
"""Ten of the 2,000 draws by which p-values of columns are calibrated: what is rarer is extrapolated from too few."""


class FalseAlarmRate(Section):
    """How often input drift may be reported where there is none: for one column by itself, and for all together."""

    error: float = Field(default=0.01, gt=0, lt=0.5, description="At least 0.005.")
    warning: float = Field(default=0.05, gt=0, lt=0.5, description="At least 0.005.")

    @model_validator(mode="after")
    def _error_is_rarer(self) -> Self:
        if min(self.error, self.warning) < LOWEST_RATE:
            remedy = f"take {LOWEST_RATE} or more, or a check with a minimum on columns_p_value"
            raise Misuse(f"a rate below {LOWEST_RATE} can't be promised", remedy)
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
    methods: dict[str, Annotated[str, AfterValidator(_test_of_evidently)]] = Field(
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
        default=None,
        description="Data source to compare with, or one part of it as source:part; without it there is no drift.",
    )
    features: Features = Features()
    averaging: Averaging = Averaging.MACRO
    cost_matrix: CostMatrix | None = None
    custom_metrics: CustomMetrics = Field(default={})

    @property
    def metric_to_focus(self) -> str:
        """The metric people look at first."""
        return default_metric(self.prediction_type)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        require_fit(self.prediction_type, self.model_fields_set)
        if self.probabilities and self.prediction_type is PredictionType.REGRESSION:
            raise Misuse("a regression model has no probabilities", "remove them")
        if self.probabilities and self.positive_class not in {None, *self.probabilities}:
            raise Misuse(f"the positive class {self.positive_class!r} has no probability", "add it to probabilities")
        taken: dict[str, str] = {}
        for column, role in self._roles():
            if column in taken:
                raise Misuse(f"{column!r} is both {taken[column]} and {role}", "name two columns")
            if column in (self.features.include or ()):
                raise Misuse(f"{column!r} is the {role} and among features.include", "remove it there")
            taken[column] = role
        return self

    def _roles(self) -> Iterator[tuple[str, str]]:
        """Every column that is named, and as what."""
        yield self.prediction, "prediction"
        for label, column in self.probabilities.items():
            yield column, f"probability of {label!r}"
        for role in ("target", "weight_column"):
            if (named := getattr(self, role)) is not None:
                yield named, role
        # Like a model's, it may be a feature as well.
        if self.time_column is not None and self.time_column not in (self.features.include or ()):
            yield self.time_column, "time_column"


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
    on_drift_failure: OnFailure = Field(
        default=OnFailure.FAIL, description="When drift can't be measured, or segments can't, also their performance."
    )
    on_performance_failure: OnFailure = Field(
        default=OnFailure.FAIL, description="When performance or fairness can't be measured."
    )
    labels: dict[str, str] = Field(default={}, description="Put on every evaluation, e.g. team: fraud.")
    checks: list[AnyCheck] = Field(default=[])

    @model_validator(mode="after")
    def _of_a_model_or_standalone(self) -> Self:
        if (self.model is None) == (self.standalone is None):
            raise Misuse("a store is of a model or standalone", "give it one of the two")
        if self.standalone is not None and self.skip_scoring:
            raise Misuse("a standalone store scores nothing", "remove skip_scoring")
        if "performance" in self.model_fields_set and self.performance and not self.asks_for_labels:
            raise Misuse("performance needs labels, and standalone names no target", "name it, or remove performance")
        for part, names in (
            ("segments", [s.column for s in self.segments]),
            ("fairness", [f.attribute for f in self.fairness]),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise Misuse(f"{name!r} is twice among {part}", "remove one")
        return self

    @property
    def asks_for_labels(self) -> bool:
        """Whether performance is measured: a standalone store without a target does not."""
        return self.performance and (self.standalone is None or self.standalone.target is not None)
