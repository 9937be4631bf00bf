"""Standalone stores, whose evaluations are of no version, and every metric in long form for whatever reads a database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

METRICS_LONG = """
    CREATE VIEW metrics_long AS
    SELECT
        metric.evaluation_id AS evaluation,
        project.name AS project,
        store.name AS store,
        model.name AS model,
        model_version.number AS version,
        metric.name AS metric,
        metric.value AS value,
        metric.lower AS lower,
        metric.upper AS upper,
        metric.rows AS rows,
        metric.reason AS reason,
        evaluation.data AS data,
        evaluation.name AS name,
        evaluation.labels AS labels,
        evaluation.evaluated_at AS computed_at
    FROM metric
    JOIN evaluation ON evaluation.id = metric.evaluation_id
    JOIN store ON store.id = evaluation.store_id
    JOIN project ON project.id = store.project_id
    LEFT JOIN model_version ON model_version.id = evaluation.version_id
    LEFT JOIN model ON model.id = model_version.model_id
"""
"""One row per evaluation and metric. Model and version are those that were judged, whatever the store is of by now."""


def upgrade() -> None:
    """Let model and version be absent; create the view."""
    for table, column in (("store", "model_id"), ("evaluation", "version_id")):
        # SQLite can't change a column: there the table is made anew, with its rows, keys and indexes.
        with op.batch_alter_table(table) as changed:
            changed.alter_column(column, existing_type=sa.Integer(), nullable=True)
    op.execute(METRICS_LONG)
