"""The evaluations of a store: recorded with every metric, found again, and read as a table."""

from governance.evaluations.finding import (
    evaluations_of,
    find_evaluation,
    find_store,
    latest_evaluation,
    metrics_of,
    metrics_table,
    side_by_side,
)
from governance.evaluations.recording import record_check_results, record_evaluation, recordable, require_own_id

__all__ = [
    "evaluations_of",
    "find_evaluation",
    "find_store",
    "latest_evaluation",
    "metrics_of",
    "metrics_table",
    "record_check_results",
    "record_evaluation",
    "recordable",
    "require_own_id",
    "side_by_side",
]
