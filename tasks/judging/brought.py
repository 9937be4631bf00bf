"""Predictions that come with the data, checked and brought into the form of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from governance.errors import SchemaMismatch
from governance.vocabulary import Handling, PredictionType
from tasks.data.schema import Schema, canonical_label
from tasks.learning.prediction import labels_at, output_columns

if TYPE_CHECKING:
    import pandas as pd

    from governance.project_file import Standalone
    from tasks.data.sources import Source


@dataclass(frozen=True, slots=True)
class Brought:
    """Where the predictions are in the data.

    Args:
        prediction: Column of the predictions.
        probabilities: Class: column of its probability; empty when there are none.
    """

    prediction: str
    probabilities: Mapping[str, str]

    @property
    def columns(self) -> list[str]:
        """Everything that is read."""
        return [self.prediction, *self.probabilities.values()]

    def to_read(self, schema: Schema) -> dict[str, Handling]:
        """As what to read it: labels as text, the rest as numbers."""
        return {
            self.prediction: schema.target_handling,
            **dict.fromkeys(self.probabilities.values(), Handling.NUMERICAL),
        }

    def require(self, rows: pd.DataFrame, schema: Schema, source: Source) -> None:
        """Refuse what is no prediction.

        Raises:
            SchemaMismatch: a prediction that is missing or is none of the classes, a probability that is missing or
                not between 0 and 1, or those of all classes that are not 1 together; names the first row.
        """
        predictions = rows[self.prediction]
        _refuse(predictions, predictions.isna().to_numpy(), source, "the prediction is missing")
        if schema.classes:
            _refuse(
                predictions,
                ~predictions.isin(schema.classes).to_numpy(),
                source,
                f"the prediction is none of the classes {', '.join(schema.classes[:10])}",
            )
        for column in self.probabilities.values():
            found = rows[column].to_numpy(np.float64)
            _refuse(rows[column], ~((found >= 0) & (found <= 1)), source, "the probability is not between 0 and 1")
        if schema.classes and set(schema.classes) <= set(self.probabilities):
            columns = list(self.probabilities.values())
            together = rows[columns].sum(axis=1).rename(columns[0])
            # As far off as probabilities rounded to three decimals may be.
            wrong = ~(np.abs(together.to_numpy(np.float64) - 1.0) <= 5e-4 * len(schema.classes) + 1e-9)
            _refuse(together, wrong, source, "the probabilities of all classes do not add up to 1")

    def take(self, rows: pd.DataFrame, schema: Schema, threshold: float | None) -> pd.DataFrame:
        """The predictions under the names that ours have.

        Args:
            rows: Shape (n, ...): the columns of :meth:`to_read`.
            schema: Classes and prediction type.
            threshold: Binary only: decides from the probability; ``None`` takes the predictions as they are.

        Returns:
            Shape (n, 1 + probabilities): ``prediction`` and, where there are any, ``proba_<class>`` of every class. Of
            two classes the probability that was not given is what is left.
        """
        import pandas as pd

        names = {column: f"proba_{label}" for label, column in self.probabilities.items()}
        found = rows[list(names)].rename(columns=names)
        if schema.prediction_type is PredictionType.BINARY and names:
            for one, other in (schema.classes, schema.classes[::-1]):
                if f"proba_{one}" not in found:
                    found[f"proba_{one}"] = 1.0 - found[f"proba_{other}"]
        found = found[[name for name in output_columns(schema) if name in found]]
        found.insert(0, "prediction", rows[self.prediction])
        return found if threshold is None else with_threshold(pd.DataFrame(found), schema, threshold)


def from_skipped_scoring(schema: Schema, header: list[str]) -> Brought:
    """The columns that our own scoring would have made, as far as the file has them."""
    return Brought("prediction", {label: f"proba_{label}" for label in schema.classes if f"proba_{label}" in header})


def from_standalone(settings: Standalone) -> Brought:
    """The columns that a standalone store names."""
    return Brought(
        settings.prediction, {canonical_label(label): column for label, column in settings.probabilities.items()}
    )


def require_whole(brought: Brought, schema: Schema, source: Source, threshold: float | None) -> None:
    """Refuse probabilities of some classes only, unless the rest follows from them; and none where they have to decide.

    Raises:
        SchemaMismatch: names the class that has none.
    """
    if threshold is not None and not brought.probabilities:
        raise SchemaMismatch(
            source.path,
            f"proba_{schema.classes[1]}",
            f"the threshold {threshold:g} decides from probabilities, and there are none",
            "give those of the positive class, or leave the threshold out",
        )
    lacking = [label for label in schema.classes if label not in brought.probabilities]
    enough = not lacking or not brought.probabilities
    if not enough and schema.prediction_type is not PredictionType.BINARY:
        raise SchemaMismatch(
            source.path,
            f"proba_{lacking[0]}",
            f"there are probabilities, but none of the class {lacking[0]!r}",
            "give those of every class, or of none",
        )


def with_threshold(scored: pd.DataFrame, schema: Schema, threshold: float) -> pd.DataFrame:
    """The same rows with the predictions of another threshold.

    Args:
        scored: Shape (n, ...): ``prediction`` and ``proba_<positive class>``.
        schema: Of a binary model.
        threshold: Probability from which a row is positive, 0 to 1.
    """
    probability = scored[f"proba_{schema.classes[1]}"].to_numpy(np.float64)
    return scored.assign(prediction=labels_at(threshold, probability, schema))


def _refuse(values: pd.Series[Any], wrong: NDArray[np.bool_], source: Source, problem: str) -> None:
    if not wrong.any():
        return
    first = int(np.argmax(wrong))
    value = values.iloc[first]
    value = value.item() if isinstance(value, np.generic) else value
    shown = "" if value != value or value is None else f" ({value!r})"  # noqa: PLR0124  NaN is not itself
    raise SchemaMismatch(
        source.path,
        str(values.name),
        f"{problem}{shown}",
        "correct it, or leave such rows out with sampling.where",
        int(values.index[first]) + 1,
    )
