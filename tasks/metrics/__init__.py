"""How good a model's predictions are: the catalogue of metrics and the functions behind it."""

from __future__ import annotations

from tasks.metrics.performance import measure_performance

__all__ = ["measure_performance"]
