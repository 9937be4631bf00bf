"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table of the first release."""
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("origin", sa.String(40), nullable=False),
        sa.Column("tag", sa.String(80), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_event"),
    )
    op.create_index("ix_audit_event_at", "audit_event", ["at"])
    op.create_index("ix_audit_event_subject", "audit_event", ["subject"])
    op.create_index("ix_audit_event_tag", "audit_event", ["tag"])
    op.create_table(
        "project",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("separation_of_duties", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_project"),
        sa.UniqueConstraint("name", name="uq_project_name"),
    )
    op.create_table(
        "assignment",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(120), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("group", sa.String(80), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_assignment_project_id"),
        sa.PrimaryKeyConstraint("project_id", "person", "role", "group", name="pk_assignment"),
    )
    op.create_table(
        "environment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("policy", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_environment_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_environment"),
        sa.UniqueConstraint("project_id", "name", name="uq_environment_project_id_name"),
    )
    op.create_index("ix_environment_project_id", "environment", ["project_id"])
    op.create_table(
        "model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("prediction_type", sa.String(40), nullable=False),
        sa.Column("metric_to_focus", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_model_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_model"),
        sa.UniqueConstraint("project_id", "name", name="uq_model_project_id_name"),
    )
    op.create_index("ix_model_project_id", "model", ["project_id"])
    op.create_table(
        "scenario_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("scenario", sa.String(80), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("flow_run_id", sa.String(), nullable=True),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("process_id", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_scenario_run_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_scenario_run"),
    )
    op.create_index(
        "ix_scenario_run_going_on",
        "scenario_run",
        ["project_id", "scenario"],
        unique=True,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_index("ix_scenario_run_project_id", "scenario_run", ["project_id"])
    op.create_index("ix_scenario_run_scenario", "scenario_run", ["scenario"])
    op.create_index("ix_scenario_run_started_at", "scenario_run", ["started_at"])
    op.create_table(
        "model_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.Column("manifest_digest", sa.String(64), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("diagnostics", sa.JSON(), nullable=False),
        sa.Column("trained_by", sa.String(), nullable=False),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name="fk_model_version_model_id"),
        sa.PrimaryKeyConstraint("id", name="pk_model_version"),
        sa.UniqueConstraint("folder", name="uq_model_version_folder"),
        sa.UniqueConstraint("model_id", "number", name="uq_model_version_model_id_number"),
    )
    op.create_index("ix_model_version_model_id", "model_version", ["model_id"])
    op.create_table(
        "step_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["scenario_run.id"], name="fk_step_run_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_step_run"),
        sa.UniqueConstraint("run_id", "position", name="uq_step_run_run_id_position"),
    )
    op.create_index("ix_step_run_run_id", "step_run", ["run_id"])
    op.create_table(
        "store",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("performance", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name="fk_store_model_id"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_store_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_store"),
        sa.UniqueConstraint("project_id", "name", name="uq_store_project_id_name"),
    )
    op.create_index("ix_store_model_id", "store", ["model_id"])
    op.create_index("ix_store_project_id", "store", ["project_id"])
    op.create_table(
        "activation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("environment_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("previous_version_id", sa.Integer(), nullable=True),
        sa.Column("decision", sa.String(40), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("activated_by", sa.String(), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["environment_id"], ["environment.id"], name="fk_activation_environment_id"),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name="fk_activation_model_id"),
        sa.ForeignKeyConstraint(
            ["previous_version_id"], ["model_version.id"], name="fk_activation_previous_version_id"
        ),
        sa.ForeignKeyConstraint(["version_id"], ["model_version.id"], name="fk_activation_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_activation"),
    )
    op.create_index("ix_activation_environment_id", "activation", ["environment_id"])
    op.create_index("ix_activation_model_id", "activation", ["model_id"])
    op.create_table(
        "evaluation",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("data", sa.String(), nullable=False),
        sa.Column("data_fingerprint", sa.String(64), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("sampled_rows", sa.Integer(), nullable=False),
        sa.Column("labelled_rows", sa.Integer(), nullable=True),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("evaluated_by", sa.String(), nullable=False),
        sa.Column("evaluated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name="fk_evaluation_store_id"),
        sa.ForeignKeyConstraint(["version_id"], ["model_version.id"], name="fk_evaluation_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_evaluation"),
        sa.UniqueConstraint("folder", name="uq_evaluation_folder"),
    )
    op.create_index("ix_evaluation_evaluated_at", "evaluation", ["evaluated_at"])
    op.create_index("ix_evaluation_store_id", "evaluation", ["store_id"])
    op.create_index("ix_evaluation_version_id", "evaluation", ["version_id"])
    op.create_table(
        "sign_off",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("status_before_abandon", sa.String(40), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("requested_by", sa.JSON(), nullable=False),
        sa.Column("notified", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["model_version.id"], name="fk_sign_off_version_id"),
        sa.PrimaryKeyConstraint("version_id", name="pk_sign_off"),
    )
    op.create_table(
        "active_version",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("environment_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("activation_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["activation_id"], ["activation.id"], name="fk_active_version_activation_id"),
        sa.ForeignKeyConstraint(["environment_id"], ["environment.id"], name="fk_active_version_environment_id"),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name="fk_active_version_model_id"),
        sa.ForeignKeyConstraint(["version_id"], ["model_version.id"], name="fk_active_version_version_id"),
        sa.PrimaryKeyConstraint("model_id", "environment_id", name="pk_active_version"),
        sa.UniqueConstraint("activation_id", name="uq_active_version_activation_id"),
    )
    op.create_table(
        "check_result",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("evaluation_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("bounds", sa.JSON(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluation.id"], name="fk_check_result_evaluation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_check_result"),
    )
    op.create_index("ix_check_result_evaluation_id", "check_result", ["evaluation_id"])
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("group", sa.String(80), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(40), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["version_id"], ["sign_off.version_id"], name="fk_feedback_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
    )
    op.create_index("ix_feedback_version_id", "feedback", ["version_id"])
    op.create_table(
        "final_approval",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(40), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("content_digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["version_id"], ["sign_off.version_id"], name="fk_final_approval_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_final_approval"),
        sa.UniqueConstraint("version_id", "round", name="uq_final_approval_version_id_round"),
    )
    op.create_index("ix_final_approval_version_id", "final_approval", ["version_id"])
    op.create_table(
        "metric",
        sa.Column("evaluation_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("lower", sa.Float(), nullable=True),
        sa.Column("upper", sa.Float(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluation.id"], name="fk_metric_evaluation_id"),
        sa.PrimaryKeyConstraint("evaluation_id", "name", name="pk_metric"),
    )
    op.create_index("ix_metric_name", "metric", ["name"])
