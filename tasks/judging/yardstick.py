"""By what rows are judged: columns, model or predictions of their own, labels, weights."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.errors import NoUsableTarget, SchemaMismatch
from governance.project_file import Features, Store
from governance.vocabulary import Handling
from tasks.data.conform import require_known_categories, require_weights, to_target
from tasks.data.schema import Schema
from tasks.data.sources import Source, read_header, require_columns
from tasks.judging.brought import Brought, require_whole
from tasks.learning.prediction import CORRECT, FittedModel, output_columns, predict

if TYPE_CHECKING:
    import pandas as pd

OUTCOMES = ("target", "prediction", "weight", "time")
"""Names that outcomes have of their own, besides ``proba_<class>``."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What every row of an evaluation is judged by.

    Args:
        schema: Features, target, classes.
        model: With the threshold that is in force; ``None`` when the data bring their predictions.
        brought: Where those are; ``None`` when a model predicts.
        threshold: Binary only: that decides; ``None`` where predictions are taken as they come.
        features: Of the settings: what to do about categories that training never saw.
        labelled: Whether performance is measured, for which there must be labels.
        weight_column: How much a row counts; ``None``: all the same.
        watched: Column of a segmentation or of fairness: as what it is read.
    """

    schema: Schema
    model: FittedModel | None
    brought: Brought | None
    threshold: float | None
    features: Features
    labelled: bool
    weight_column: str | None
    watched: dict[str, Handling]

    def columns_to_read(self, source: Source) -> dict[str, Handling]:
        """What to ask the reader for.

        A watched column or a time column that the data have not is left out: what needs it says so by itself.

        Raises:
            SchemaMismatch: a feature, a prediction or the weight is missing, or a name means two things.
            NoUsableTarget: labels are asked for, and there is no such column.
        """
        header = read_header(source)
        schema = self.schema
        brought = {} if self.brought is None else self.brought.to_read(schema)
        weight = {self.weight_column: Handling.NUMERICAL} if self.labelled and self.weight_column is not None else {}
        require_columns(source, header, [*schema.feature_names, *brought, *weight])
        if self.labelled and schema.target not in header:
            raise NoUsableTarget(source.path, schema.target, "the column is missing", WITHOUT_LABELS)
        if self.brought is not None:
            require_whole(self.brought, schema, source, self.threshold)
        self._require_free_names(source)
        known = schema.columns_to_read(target=self.labelled, time=schema.time_column in header) | brought | weight
        # A watched column that is called as an output is the output, and no column of the data.
        there = set(header) - (set(output_columns(schema)) - set(brought))
        return {name: handling for name, handling in self.watched.items() if name in there} | known

    def _require_free_names(self, source: Source) -> None:
        schema = self.schema
        meant = {"target": schema.target, "weight": self.weight_column, "time": schema.time_column}
        outputs = [*output_columns(schema), CORRECT]
        taken = [name for name in (*schema.feature_names, schema.target, self.weight_column) if name in outputs]
        if self.brought is not None:
            taken = [name for name in taken if name not in self.brought.columns]
        taken += [name for name in self.watched if name in OUTCOMES and name not in ("prediction", meant.get(name))]
        if taken:
            raise SchemaMismatch(
                source.path, taken[0], "the column is named as an outcome", "rename it, or leave it out"
            )

    def require(self, rows: pd.DataFrame, source: Source) -> None:
        """Refuse rows that can't be judged.

        Raises:
            SchemaMismatch: a label nobody knows, a prediction that is none, a weight that is none, or a category that
                training never saw where the model refuses those; with the row.
        """
        if self.labelled:
            to_target(rows[self.schema.target], self.schema, source.path)
            if self.weight_column is not None:
                require_weights(rows[self.weight_column], source)
        if self.brought is not None:
            self.brought.require(rows, self.schema, source)
        if self.model is not None:
            require_known_categories(rows, self.schema, self.features, source)

    def judge(self, rows: pd.DataFrame, source: Source) -> pd.DataFrame:
        """The rows with their predictions, and with labels as the model knows them; brought columns under our names."""
        schema = self.schema
        if self.labelled:
            rows = rows.assign(**{schema.target: to_target(rows[schema.target], schema, source.path)})
        if self.brought is not None:
            own = [name for name in rows.columns if name not in self.brought.columns or name in self.watched]
            taken = self.brought.take(rows, schema, self.threshold)
            return rows[[name for name in own if name not in taken]].join(taken)
        if self.model is None:
            raise AssertionError("a yardstick has a model, or the data bring their predictions")
        predicted = predict(self.model, rows)
        # What conditions look at may be called the same.
        return rows[[name for name in rows.columns if name not in predicted]].join(predicted)


WITHOUT_LABELS = "set performance: false on the store to judge without labels"


def watched_columns(store: Store, schema: Schema) -> dict[str, Handling]:
    """Columns of segmentations and of fairness: as the model sees them, else as numbers for quantiles, else as text."""
    known = schema.columns_to_read()
    wanted: dict[str, Handling] = {fairness.attribute: Handling.CATEGORICAL for fairness in store.fairness}
    for segmentation in store.segments:
        numbers = segmentation.quantiles is not None
        wanted[segmentation.column] = Handling.NUMERICAL if numbers else Handling.CATEGORICAL
    return {name: known.get(name, handling) for name, handling in wanted.items()}


def new_columns(source: Source, known: Collection[str]) -> list[str]:
    """Warnings about columns that training did not have."""
    return [
        f"column {name!r} is new: the model does not know it" for name in sorted(set(read_header(source)) - set(known))
    ]
