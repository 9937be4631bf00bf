"""The evaluations of a store: recorded with every metric, found again, and read as a table."""

from governance.evaluations.backfilled import PERIOD, id_of_period, labels_of_period
from governance.evaluations.finding import (
    check_results_of,
    evaluation_of_period,
    evaluations_of,
    find_evaluation,
    find_store,
    latest_evaluation,
    metrics_of,
    metrics_table,
    side_by_side,
)
from governance.evaluations.history import metrics_before
from governance.evaluations.recording import record_check_results, record_evaluation, recordable, require_own_id

__all__ = [
    "PERIOD",
    "check_results_of",
    "evaluation_of_period",
    "evaluations_of",
    "find_evaluation",
    "find_store",
    "id_of_period",
    "labels_of_period",
    "latest_evaluation",
    "metrics_before",
    "metrics_of",
    "metrics_table",
    "record_check_results",
    "record_evaluation",
    "recordable",
    "require_own_id",
    "side_by_side",
]
