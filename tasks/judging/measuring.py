"""Performance of judged rows, beside that of the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from governance.project_file import ModelSettings, Standalone
from governance.vocabulary import Measurement, PredictionType
from tasks.drift.findings import DriftFindings
from tasks.drift.performance import performance_drift
from tasks.metrics.days import blocks_of
from tasks.metrics.performance import measure_performance
from tasks.metrics.threshold_table import threshold_table

if TYPE_CHECKING:
    import pandas as pd

    from governance.project_file import CostMatrix
    from governance.vocabulary import Averaging
    from tasks.data.schema import Schema


@dataclass(frozen=True, slots=True)
class Measures:
    """How performance is measured; the same for the data, the reference and every segment.

    Args:
        schema: Prediction type and classes.
        threshold: Binary only: that is in force; ``None``: the predictions say it.
        averaging: Multiclass: of one-vs-rest metrics.
        cost_matrix: What rows are worth; ``None``: nothing is known of that.
    """

    schema: Schema
    threshold: float | None
    averaging: Averaging
    cost_matrix: CostMatrix | None

    def of(self, outcomes: pd.DataFrame) -> list[Measurement]:
        """Every performance metric of those of the rows that have a label.

        Args:
            outcomes: Shape (rows, ...): ``target``, ``prediction``, ``proba_<class>``; ``weight`` and ``time`` where
                there are any.
        """
        rows = labelled(outcomes)
        return measure_performance(
            self.schema.prediction_type,
            self.schema.classes,
            rows["target"],
            rows,
            self.threshold,
            weights=_weights(rows),
            averaging=self.averaging,
            cost_matrix=self.cost_matrix,
            blocks=blocks_of(rows["time"]) if "time" in rows else None,
        )

    def thresholds(self, outcomes: pd.DataFrame) -> list[dict[str, Any]]:
        """The metrics at each of some thresholds; nothing where there is no threshold, or no probability."""
        schema = self.schema
        if schema.prediction_type is not PredictionType.BINARY or f"proba_{schema.classes[1]}" not in outcomes:
            return []
        rows = labelled(outcomes)
        probability = rows[f"proba_{schema.classes[1]}"].to_numpy(np.float64)
        return threshold_table(
            rows["target"], probability, schema.classes, weights=_weights(rows), cost_matrix=self.cost_matrix
        )


def measures_of(settings: ModelSettings | Standalone, schema: Schema, threshold: float | None) -> Measures:
    """How the settings of a model or of a standalone store want performance measured."""
    return Measures(schema, threshold, settings.averaging, settings.cost_matrix)


def measured_by(settings: ModelSettings | Standalone) -> dict[str, Any]:
    """The settings that performance depends on, JSON-able; kept with a version beside what was measured by them."""
    named = {"weight_column": settings.weight_column, "averaging": settings.averaging.value}
    costs = None if settings.cost_matrix is None else settings.cost_matrix.model_dump(mode="json")
    return named | {"cost_matrix": costs}


def labelled(outcomes: pd.DataFrame) -> pd.DataFrame:
    """The rows that have a label."""
    known = outcomes["target"].notna()
    return outcomes if known.all() else outcomes[known]


def _weights(rows: pd.DataFrame) -> Any:
    return rows["weight"].to_numpy(np.float64) if "weight" in rows else None


def tell_performance(
    measures: Measures,
    measured: Sequence[Measurement],
    before: Sequence[Measurement],
    outcomes: pd.DataFrame,
) -> DriftFindings:
    """Performance of the data, what it was on the reference, and the difference.

    Returns:
        Every metric and its ``<metric>_drift``; ``details["performance"]``, per metric ``metric``, ``reference``,
        ``current`` and ``difference`` with value, interval, rows and reason each; ``details["thresholds"]``, the
        metrics at each threshold.
    """
    drift = performance_drift(before, measured)
    known = {m.name: m for m in before}
    differences = {m.name: m for m in drift}
    table = [
        {
            "metric": m.name,
            "current": m.cell(),
            "reference": known[m.name].cell() if m.name in known else None,
            "difference": differences[f"{m.name}_drift"].cell(),
        }
        for m in measured
    ]
    details: Mapping[str, Any] = {"performance": table, "thresholds": measures.thresholds(outcomes)}
    return DriftFindings([*measured, *drift], dict(details), "", [])


def measure_custom(
    metrics: Mapping[str, str], folder: Path, schema: Schema, sample: pd.DataFrame, reference: pd.DataFrame | None
) -> DriftFindings:
    """The metrics that the project brings itself, and how far they are from what the same function says of the reference.

    Args:
        metrics: Name, and ``file.py:function``.
        folder: Of ``project.yaml``.
        schema: Target and classes.
        sample: The rows that are kept, with predictions and labels: such a function may want any column, and of rows
            that are not kept there are only outcomes. Those with a label are handed over.
        reference: Rows of the reference, measured likewise where they have labels; ``None`` where there is none.

    Returns:
        ``custom.<name>``, see :func:`tasks.metrics.custom.measure_custom_metrics`, and ``custom.<name>_drift``;
        ``details["custom_metrics"]``, per name the ``function`` and the ``sha256`` of its file, ``None`` where it can't
        be read. A warning for each that has no value.
    """
    if not metrics:
        return DriftFindings([], {}, "", [])
    from tasks.metrics.custom import sha256_of_custom_metric

    measured = _of_custom(metrics, folder, schema, sample, reference)
    comparable = reference is not None and schema.target in reference and "prediction" in reference
    before = _of_custom(metrics, folder, schema, reference, reference) if reference is not None and comparable else []
    files = {
        name: {"function": where, "sha256": sha256_of_custom_metric(where, folder)} for name, where in metrics.items()
    }
    warnings = [f"{m.name} has no value: {m.reason}" for m in measured if m.value is None]
    return DriftFindings([*measured, *performance_drift(before, measured)], {"custom_metrics": files}, "", warnings)


def _of_custom(
    metrics: Mapping[str, str], folder: Path, schema: Schema, sample: pd.DataFrame, reference: pd.DataFrame | None
) -> list[Measurement]:
    from tasks.metrics.custom import measure_custom_metrics

    rows = sample[sample[schema.target].notna()]
    probabilities = {f"proba_{label}": label for label in schema.classes if f"proba_{label}" in rows}
    return measure_custom_metrics(
        metrics,
        folder,
        y_true=rows[schema.target],
        y_pred=rows["prediction"],
        probabilities=rows[list(probabilities)].rename(columns=probabilities) if probabilities else None,
        sample=rows,
        reference=reference,
    )
