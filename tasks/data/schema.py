"""What a model expects of a table: its features, its target, its labels, the levels it has seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from governance.vocabulary import Handling, PredictionType

_WHOLE_NUMBER: Final = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0+")
_TRUTH: Final[Mapping[str, str]] = {
    "True": "true", "TRUE": "true", "False": "false", "FALSE": "false",
}  # fmt: skip

GREATEST_WEIGHT: Final = 1e100
"""That a row may have: what is computed with such weights stays in floating point."""


def canonical_label(value: object) -> str:
    """The one way a label or a category is written, whatever type it came as.

    A column of integers turns into floats when one value is missing, and CSV knows no types at all; without one way to
    write them, the same category would be two.

    Args:
        value: A label: text, number or truth value; not missing.

    Returns:
        Whole numbers without decimals, truth values in lower case, everything else as it is written.

    Example:
        >>> [canonical_label(value) for value in (1, 1.0, "1", "1.0", True, "True", "UA", 2.5, "007")]
        ['1', '1', '1', '1', 'true', 'true', 'UA', '2.5', '007']
    """
    text = str(value)
    if whole := _WHOLE_NUMBER.fullmatch(text):
        return "0" if whole[1] == "-0" else whole[1]
    return _TRUTH.get(text, text)


@dataclass(frozen=True, slots=True)
class Column:
    """One feature, and how it is treated."""

    name: str
    handling: Handling


@dataclass(frozen=True, slots=True)
class Schema:
    """What a model expects of a table. Fixed at training, kept with the version.

    Args:
        features: In the order in which the estimator sees them; numerical, categorical or date.
        target: Name of the column that is predicted.
        prediction_type: What kind of model it is.
        classes: Canonical labels: binary (negative, positive); multiclass in the order of the text, which is
            scikit-learn's; regression none.
        time_column: When a row happened; ``None`` when nothing says so.
        categories: Categorical feature: the levels that training saw, sorted. A feature with more than 10,000 levels
            is absent.

    Example:
        >>> schema = Schema((Column("age", Handling.NUMERICAL),), "late", PredictionType.BINARY, ("0", "1"), None)
        >>> Schema.from_json(schema.to_json()) == schema
        True
        >>> schema.columns_to_read()
        {'age': <Handling.NUMERICAL: 'numerical'>, 'late': <Handling.CATEGORICAL: 'categorical'>}
    """

    features: tuple[Column, ...]
    target: str
    prediction_type: PredictionType
    classes: tuple[str, ...]
    time_column: str | None
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def handling(self) -> dict[str, Handling]:
        """Feature: how it is treated."""
        return {column.name: column.handling for column in self.features}

    @property
    def feature_names(self) -> list[str]:
        """The features, in the order in which the estimator sees them."""
        return [column.name for column in self.features]

    @property
    def target_handling(self) -> Handling:
        """How the target is read: numbers for regression, labels otherwise."""
        return Handling.NUMERICAL if self.prediction_type is PredictionType.REGRESSION else Handling.CATEGORICAL

    def columns_to_read(self, *, target: bool = True, time: bool = True) -> dict[str, Handling]:
        """What to ask the reader for: the features, then the target and the time column if they are wanted."""
        columns = self.handling
        if target:
            columns[self.target] = self.target_handling
        if time and self.time_column is not None:
            columns[self.time_column] = Handling.DATE
        return columns

    def to_json(self) -> dict[str, Any]:
        """The schema as JSON-able values; :meth:`from_json` takes it back."""
        return {
            "features": [{"name": column.name, "handling": column.handling.value} for column in self.features],
            "target": self.target,
            "prediction_type": self.prediction_type.value,
            "classes": list(self.classes),
            "time_column": self.time_column,
            "categories": {name: list(levels) for name, levels in self.categories.items()},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The schema that :meth:`to_json` wrote."""
        return cls(
            features=tuple(Column(each["name"], Handling(each["handling"])) for each in values["features"]),
            target=values["target"],
            prediction_type=PredictionType(values["prediction_type"]),
            classes=tuple(values["classes"]),
            time_column=values["time_column"],
            categories={name: tuple(levels) for name, levels in values["categories"].items()},
        )
