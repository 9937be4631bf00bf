"""What checks a store has: one class per kind."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from governance.project_file.section import Misuse, Section, place_of_a_function
from governance.vocabulary import ComparedWith, Comparison, EmptyPolicy


class Check(Section):
    """What every check has."""

    name: str = Field(min_length=1)
    empty: EmptyPolicy = Field(
        default=EmptyPolicy.WARNING, description="What it does to the step when the metric has no value."
    )


class NumericRange(Check):
    """A metric between bounds. A bound itself is OK."""

    type: Literal["numeric_range"] = "numeric_range"
    metric: str = Field(min_length=1)
    minimum: float | None = None
    soft_minimum: float | None = None
    soft_maximum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        bounds = [b for b in (self.minimum, self.soft_minimum, self.soft_maximum, self.maximum) if b is not None]
        if not bounds:
            raise Misuse("no bound is given", "set at least one of minimum, soft_minimum, soft_maximum, maximum")
        if bounds != sorted(bounds):
            raise Misuse("the bounds are out of order", "keep minimum <= soft_minimum <= soft_maximum <= maximum")
        return self


class InSet(Check):
    """A metric that has one of a few values."""

    type: Literal["in_set"]
    metric: str = Field(min_length=1)
    values: list[float] = Field(min_length=1, description="What is admissible.")


class Compare(Check):
    """A metric held against another one, or against itself in another evaluation."""

    type: Literal["compare"]
    metric: str = Field(min_length=1)
    operator: Comparison
    other_metric: str | None = Field(default=None, min_length=1, description="Of the same evaluation.")
    compared_with: ComparedWith | None = Field(
        default=None, description="The same metric of the evaluation before, or on the reference."
    )
    margin: float = Field(default=0.0, description="Added to the other value before they are compared.")

    @model_validator(mode="after")
    def _with_one_thing(self) -> Self:
        if (self.other_metric is None) == (self.compared_with is None):
            raise Misuse("it has to name either other_metric or compared_with", "give it one of the two")
        return self


class TypicalRange(Check):
    """A metric that stays where it has been: bounds are learned from the evaluations before."""

    type: Literal["typical_range"]
    metric: str = Field(min_length=1)
    learning_runs: int = Field(default=5, ge=3, description="Evaluations with a value before there are bounds.")
    lookback: int = Field(default=20, ge=3, description="Evaluations before this one that are looked at, at most.")
    factor: float = Field(
        default=3.0, gt=0, description="Interquartile ranges beyond the quartiles from which it is an error."
    )
    soft_factor: float | None = Field(default=1.5, gt=0, description="Likewise, a warning; null: never.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.learning_runs > self.lookback:
            raise Misuse("learning_runs is above lookback", "keep learning_runs <= lookback")
        if self.soft_factor is not None and self.soft_factor > self.factor:
            raise Misuse("soft_factor is above factor", "keep soft_factor <= factor")
        return self


class PythonCheck(Check):
    """A function that looks at all metrics of the latest evaluation, and at those before."""

    type: Literal["python"]
    function: Annotated[str, AfterValidator(place_of_a_function)] = Field(
        description="file.py:function beside project.yaml, taking (latest, history), metrics by name, and giving an outcome, or an outcome and a message."
    )


def _type_of(check: Any) -> str:
    kind = check.get("type") if isinstance(check, dict) else getattr(check, "type", None)
    return "numeric_range" if kind is None else str(kind)


AnyCheck = Annotated[
    Annotated[NumericRange, Tag("numeric_range")]
    | Annotated[InSet, Tag("in_set")]
    | Annotated[Compare, Tag("compare")]
    | Annotated[TypicalRange, Tag("typical_range")]
    | Annotated[PythonCheck, Tag("python")],
    Discriminator(_type_of),
]
