"""Runs that go on after a failure, what triggers saw, and what is said of runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add columns to runs, and four tables."""
    for statement in (
        "ALTER TABLE scenario_run ADD COLUMN root_id INTEGER "
        "CONSTRAINT fk_scenario_run_root_id REFERENCES scenario_run (id)",
        "ALTER TABLE scenario_run ADD COLUMN missed INTEGER NOT NULL DEFAULT 0",
    ):
        op.execute(statement)
    op.add_column("scenario_run", sa.Column("beat_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_scenario_run_root_id", "scenario_run", ["root_id"])
    op.create_table(
        "step_effect",
        sa.Column("root_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("asked", sa.String(64), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["root_id"], ["scenario_run.id"], name="fk_step_effect_root_id"),
        sa.PrimaryKeyConstraint("root_id", "position", name="pk_step_effect"),
    )
    op.create_table(
        "trigger_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("scenario", sa.String(80), nullable=False),
        sa.Column("trigger", sa.String(200), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_trigger_state_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_trigger_state"),
        sa.UniqueConstraint("project_id", "scenario", "trigger", name="uq_trigger_state_project_id_scenario_trigger"),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("scenario", sa.String(80), nullable=False),
        sa.Column("channel", sa.String(80), nullable=False),
        sa.Column("cause", sa.String(64), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_incident_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_incident"),
    )
    open_ones = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_incident_going_on",
        "incident",
        ["project_id", "scenario", "channel", "cause"],
        unique=True,
        sqlite_where=open_ones,
        postgresql_where=open_ones,
    )
    op.create_table(
        "report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("channel", sa.String(80), nullable=False),
        sa.Column("url_variable", sa.String(120), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("html", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["scenario_run.id"], name="fk_report_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_report"),
    )
    op.create_index("ix_report_run_id", "report", ["run_id"])
    op.create_index("ix_report_next_attempt_at", "report", ["next_attempt_at"])
    op.create_index("ix_audit_event_project_actor", "audit_event", ["project", "actor", "at", "number"])
