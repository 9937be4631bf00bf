"""What checks look at: the metrics of an evaluation, of those before it, and of the reference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from governance.vocabulary import Measurement

Metrics = Mapping[str, Measurement]

_BOTH_SIDES: Final = {("fugacity", "current"): "reference", ("segment", "share"): "reference_share"}
"""What is kept of the reference under a name of its own: by the first and the last part of the metric's name."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The metrics that checks are held against.

    Args:
        latest: Of the evaluation that is checked, by name.
        history: Of the evaluations before it in the same store, the one before it first. As many, and as many of their
            metrics, as :func:`tasks.checks.history_needed` and :func:`tasks.checks.metrics_needed` say.
        folder: Of ``project.yaml``, where functions of the project are.
    """

    latest: Metrics
    history: Sequence[Metrics] = ()
    folder: Path = field(default=Path())

    def now(self, metric: str) -> Measurement:
        """A metric of the evaluation that is checked; a value that is not a number is none."""
        return _found(self.latest, metric, "the evaluation has no such metric")

    def before(self, metric: str) -> Measurement:
        """The same of the evaluation before it."""
        if not self.history:
            return Measurement(metric, None, reason="there is no evaluation before this one")
        return _found(self.history[0], metric, "the evaluation before has no such metric")

    def on_reference(self, metric: str) -> Measurement:
        """The same of the reference.

        An evaluation keeps a metric and its change since the reference, ``<metric>_drift``; shares of classes and of
        segments it keeps for both sides.

        Example:
            >>> found = Evidence({m.name: m for m in (Measurement("f1", 0.5), Measurement("f1_drift", -0.25))})
            >>> found.on_reference("f1").value
            0.75
        """
        whole, _, side = metric.rpartition(".")
        if (other := _BOTH_SIDES.get((metric.partition(".")[0], side))) is not None:
            return _found(self.latest, f"{whole}.{other}", f"there is no {whole}.{other}")
        value = self.now(metric)
        change = _found(self.latest, f"{metric}_drift", f"{metric} is not measured on the reference")
        if value.value is None or change.value is None:
            return Measurement(metric, None, reason=value.reason if value.value is None else change.reason)
        return Measurement(metric, value.value - change.value)

    def values_before(self, metric: str, last: int) -> list[float]:
        """The values of a metric in the evaluations before, at most so many back, without those that have none."""
        found = (_found(metrics, metric, "").value for metrics in self.history[:last])
        return [value for value in found if value is not None]


def _found(metrics: Metrics, metric: str, absent: str) -> Measurement:
    found = metrics.get(metric)
    if found is None:
        return Measurement(metric, None, reason=absent)
    if found.value is None or math.isnan(found.value):
        return Measurement(metric, None, reason=found.reason or "it is not a number")
    return found
