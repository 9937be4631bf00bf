# ruff: noqa: S608  # the names in these statements are our own
"""People, items, templates, bundles, notices and overrides; sign-offs are of items; the audit trail is a chain."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

GATE_SAID_YES = """
    SELECT 1 FROM activation
    JOIN model_version ON model_version.id = activation.version_id
    JOIN model ON model.id = activation.model_id
    JOIN environment ON environment.id = activation.environment_id
    JOIN item ON item.version_id = activation.version_id
    JOIN sign_off ON sign_off.item_id = item.id
    WHERE activation.id = NEW.activation_id
    AND activation.model_id = NEW.model_id
    AND activation.environment_id = NEW.environment_id
    AND activation.version_id = NEW.version_id
    AND model_version.model_id = NEW.model_id
    AND environment.project_id = model.project_id
    AND (
        (activation.decision = 'ALLOWED' AND environment.policy = 'always')
        OR (activation.decision = 'CONFIRMATION_NEEDED' AND activation.confirmed AND environment.policy <> 'prevent')
        OR (activation.decision = 'ALLOWED' AND sign_off.status = 'APPROVED'
            AND (sign_off.approved_until IS NULL OR activation.activated_at < sign_off.approved_until)
            AND EXISTS (
                SELECT 1 FROM final_approval
                WHERE final_approval.item_id = item.id
                AND final_approval.round = sign_off.round
                AND final_approval.verdict = 'APPROVED'
                AND final_approval.content_digest = model_version.manifest_digest
            ))
        OR (activation.decision = 'OVERRIDDEN' AND EXISTS (
            SELECT 1 FROM override
            WHERE override.id = activation.override_id
            AND override.version_id = activation.version_id
            AND override.environment_id = activation.environment_id
            AND override.content_digest = model_version.manifest_digest
            AND override.confirmed_by IS NOT NULL
            AND override.confirmed_by <> override.requested_by
        ))
    )
"""
"""The activation that a row of active_version rests on: of the same version, model and environment, let through, and
with the approval that holds, the policy, or the two people that let it through."""

NOT_FORWARD = (
    "NEW.activation_id <= OLD.activation_id OR NEW.revision <> OLD.revision + 1 "
    "OR NEW.model_id <> OLD.model_id OR NEW.environment_id <> OLD.environment_id"
)
"""An earlier activation must not be used again, and a row stays with its model and environment."""

LINE = ("id", "at", "actor", "origin", "tag", "subject", "project", "before", "after")
"""What a line says, and where lists find it."""

SEALED_ONCE = (
    "OLD.number IS NULL AND NEW.number > (SELECT number FROM audit_head) "
    "AND NEW.digest IS NOT NULL AND NEW.seal IS NOT NULL"
)
"""A line is put behind the end of the chain, and then never again."""

NOT_THE_END = (
    "NEW.id <> OLD.id OR NEW.number <= OLD.number OR NEW.at IS NULL OR NEW.at < OLD.at OR NOT EXISTS ("
    "SELECT 1 FROM audit_event WHERE audit_event.number = NEW.number AND audit_event.digest = NEW.digest)"
)
"""The end of the chain is a line of it, behind the end before."""

UNGATED = "only an activation that the gate let through makes a version active"
UNSEALED = "a line of the audit trail is sealed when its act ends"
KEPT = "a row of audit_event is never changed or removed"
HEAD = "the end of the audit trail moves forward only"
BUNDLE = "a bundle is never changed or removed"


SAME_BUNDLE = "id = NEW.id OR (project_id = NEW.project_id AND number = NEW.number) OR folder = NEW.folder"
"""A bundle that would make way for a new one in INSERT OR REPLACE on SQLite, which asks no trigger on DELETE."""


def upgrade() -> None:
    """Create the tables, move what is there, and renew what the database refuses."""
    _create_tables()
    before = _taken_away("feedback", "final_approval", "sign_off", "assignment")
    _create_sign_offs()
    _create_assignments()
    for statement in (
        "ALTER TABLE activation ADD COLUMN override_id INTEGER "
        "CONSTRAINT fk_activation_override_id REFERENCES override (id)",
        "ALTER TABLE audit_event ADD COLUMN number INTEGER",
        "ALTER TABLE audit_event ADD COLUMN digest VARCHAR(64)",
        "ALTER TABLE audit_event ADD COLUMN seal VARCHAR(64)",
        "ALTER TABLE audit_event ADD COLUMN project VARCHAR NOT NULL DEFAULT ''",
        "ALTER TABLE environment ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE environment ADD COLUMN declared_policy VARCHAR(40)",
        "UPDATE environment SET declared_policy = policy",
        "ALTER TABLE project ADD COLUMN declared_people JSON",
        "INSERT INTO audit_head (id, number, digest, seal) VALUES (1, 0, '', '')",
        *_items_appear(),
    ):
        op.execute(statement)
    op.create_index("ix_activation_override_id", "activation", ["override_id"], unique=True)
    op.create_index("ix_audit_event_number", "audit_event", ["number"], unique=True)
    _bring_back(before)
    for statement in _on_sqlite() if op.get_bind().dialect.name == "sqlite" else _on_postgresql():
        op.execute(statement)


def _create_tables() -> None:
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("seal", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.create_table(
        "governance_template",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_governance_template"),
        sa.UniqueConstraint("name", "number", name="uq_governance_template_name_number"),
    )
    op.create_index("ix_governance_template_name", "governance_template", ["name"])
    op.create_table(
        "log_in_attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log_in_attempt"),
    )
    op.create_index("ix_log_in_attempt_address", "log_in_attempt", ["address"])
    op.create_index("ix_log_in_attempt_at", "log_in_attempt", ["at"])
    op.create_index("ix_log_in_attempt_name", "log_in_attempt", ["name"])
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.String(120), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
    )
    op.create_index("ix_notice_next_attempt_at", "notice", ["next_attempt_at"])
    op.create_index("ix_notice_recipient", "notice", ["recipient"])
    op.create_table(
        "repeated_request",
        sa.Column("user_name", sa.String(120), nullable=False),
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_name", "key", name="pk_repeated_request"),
    )
    op.create_index("ix_repeated_request_created_at", "repeated_request", ["created_at"])
    op.create_table(
        "user_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("full_name", sa.String(200), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("subject", sa.String(400), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_user_account"),
        sa.UniqueConstraint("name", name="uq_user_account_name"),
        sa.UniqueConstraint("subject", name="uq_user_account_subject"),
    )
    op.create_table(
        "user_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_user_group"),
        sa.UniqueConstraint("name", name="uq_user_group_name"),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_api_token_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.UniqueConstraint("secret_hash", name="uq_api_token_secret_hash"),
    )
    op.create_index("ix_api_token_user_id", "api_token", ["user_id"])
    op.create_table(
        "bundle",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.Column("manifest_digest", sa.String(64), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_bundle_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_bundle"),
        sa.UniqueConstraint("folder", name="uq_bundle_folder"),
        sa.UniqueConstraint("project_id", "number", name="uq_bundle_project_id_number"),
    )
    op.create_index("ix_bundle_project_id", "bundle", ["project_id"])
    op.create_table(
        "log_in",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_log_in_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_log_in"),
        sa.UniqueConstraint("secret_hash", name="uq_log_in_secret_hash"),
    )
    op.create_index("ix_log_in_user_id", "log_in", ["user_id"])
    op.create_table(
        "membership",
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["user_group.id"], name="fk_membership_group_id"),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_membership_user_id"),
        sa.PrimaryKeyConstraint("group_id", "user_id", name="pk_membership"),
    )
    op.create_index("ix_membership_user_id", "membership", ["user_id"])
    op.create_table(
        "item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("path", sa.String(300), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=True),
        sa.Column("version_id", sa.Integer(), nullable=True),
        sa.Column("bundle_id", sa.Integer(), nullable=True),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("template_id", sa.Integer(), nullable=True),
        sa.Column("govern_children", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("appeared_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["bundle_id"], ["bundle.id"], name="fk_item_bundle_id"),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name="fk_item_model_id"),
        sa.ForeignKeyConstraint(["parent_id"], ["item.id"], name="fk_item_parent_id"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_item_project_id"),
        sa.ForeignKeyConstraint(["template_id"], ["governance_template.id"], name="fk_item_template_id"),
        sa.ForeignKeyConstraint(["version_id"], ["model_version.id"], name="fk_item_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_item"),
        sa.UniqueConstraint("bundle_id", name="uq_item_bundle_id"),
        sa.UniqueConstraint("path", name="uq_item_path"),
        sa.UniqueConstraint("version_id", name="uq_item_version_id"),
    )
    op.create_index("ix_item_appeared_at", "item", ["appeared_at"])
    op.create_index("ix_item_kind", "item", ["kind"])
    op.create_index("ix_item_model_id", "item", ["model_id"])
    op.create_index("ix_item_parent_id", "item", ["parent_id"])
    op.create_index("ix_item_project_id", "item", ["project_id"])
    op.create_index("ix_item_state", "item", ["state"])
    op.create_index("ix_item_template_id", "item", ["template_id"])
    op.create_table(
        "override",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("environment_id", sa.Integer(), nullable=False),
        sa.Column("content_digest", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.String(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.String(), nullable=True),
        sa.Column("review", sa.String(), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["environment_id"], ["environment.id"], name="fk_override_environment_id"),
        sa.ForeignKeyConstraint(["version_id"], ["model_version.id"], name="fk_override_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_override"),
    )
    op.create_index("ix_override_environment_id", "override", ["environment_id"])
    op.create_index("ix_override_version_id", "override", ["version_id"])
    op.create_table(
        "attachment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(80), nullable=False),
        sa.Column("field", sa.String(80), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("attached_by", sa.String(), nullable=False),
        sa.Column("attached_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name="fk_attachment_item_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attachment"),
    )
    op.create_index("ix_attachment_item_id", "attachment", ["item_id"])
    op.create_table(
        "item_field",
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(80), nullable=False),
        sa.Column("field", sa.String(80), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name="fk_item_field_item_id"),
        sa.PrimaryKeyConstraint("item_id", "step", "field", name="pk_item_field"),
    )
    op.create_table(
        "item_step",
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(80), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name="fk_item_step_item_id"),
        sa.PrimaryKeyConstraint("item_id", "step", name="pk_item_step"),
    )
    op.create_table(
        "subscription",
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(120), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name="fk_subscription_item_id"),
        sa.PrimaryKeyConstraint("item_id", "person", name="pk_subscription"),
    )


def _create_sign_offs() -> None:
    op.create_table(
        "sign_off",
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("status_before_abandon", sa.String(40), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("requested_by", sa.JSON(), nullable=False),
        sa.Column("notified", sa.JSON(), nullable=False),
        sa.Column("configuration", sa.JSON(), nullable=True),
        sa.Column("approved_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name="fk_sign_off_item_id"),
        sa.PrimaryKeyConstraint("item_id", name="pk_sign_off"),
    )

    def said() -> tuple[sa.Column[str], ...]:
        return (
            sa.Column("author", sa.String(), nullable=False),
            sa.Column("verdict", sa.String(40), nullable=False),
            sa.Column("comment", sa.String(), nullable=False),
        )

    def when() -> tuple[sa.Column[Any], ...]:
        return (
            sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        )

    def place() -> tuple[sa.Column[int], ...]:
        return (
            sa.Column("id", sa.Integer(), nullable=False),
            sa.Column("item_id", sa.Integer(), nullable=False),
            sa.Column("round", sa.Integer(), nullable=False),
        )

    op.create_table(
        "feedback",
        *place(),
        sa.Column("group", sa.String(80), nullable=False),
        *said(),
        *when(),
        sa.ForeignKeyConstraint(["item_id"], ["sign_off.item_id"], name="fk_feedback_item_id"),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
    )
    op.create_index("ix_feedback_item_id", "feedback", ["item_id"])
    op.create_table(
        "final_approval",
        *place(),
        *said(),
        sa.Column("content_digest", sa.String(64), nullable=False),
        *when(),
        sa.ForeignKeyConstraint(["item_id"], ["sign_off.item_id"], name="fk_final_approval_item_id"),
        sa.PrimaryKeyConstraint("id", name="pk_final_approval"),
        sa.UniqueConstraint("item_id", "round", name="uq_final_approval_item_id_round"),
    )
    op.create_index("ix_final_approval_item_id", "final_approval", ["item_id"])
    op.create_table(
        "delegation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(120), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("group", sa.String(80), nullable=False),
        sa.Column("delegate", sa.String(120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["sign_off.item_id"], name="fk_delegation_item_id"),
        sa.PrimaryKeyConstraint("id", name="pk_delegation"),
        sa.UniqueConstraint(
            "item_id", "person", "role", "group", "delegate", name="uq_delegation_item_id_person_role_group_delegate"
        ),
    )
    op.create_index("ix_delegation_item_id", "delegation", ["item_id"])


def _create_assignments() -> None:
    op.create_table(
        "assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("person", sa.String(120), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("group", sa.String(80), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_assignment_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_assignment"),
        sa.UniqueConstraint("project_id", "person", "role", "group", name="uq_assignment_project_id_person_role_group"),
    )
    op.create_index("ix_assignment_project_id", "assignment", ["project_id"])
    op.create_index("ix_assignment_person", "assignment", ["person"])
    op.create_index(
        "ix_assignment_overall",
        "assignment",
        ["person", "role", "group"],
        unique=True,
        sqlite_where=sa.text("project_id IS NULL"),
        postgresql_where=sa.text("project_id IS NULL"),
    )


def _taken_away(*tables: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of tables that are made anew; the tables are gone."""
    bind = op.get_bind()
    rows: dict[str, list[dict[str, Any]]] = {}
    for name in tables:
        table = sa.Table(name, sa.MetaData(), autoload_with=bind)
        rows[name] = [dict(row) for row in bind.execute(sa.select(table)).mappings()]
        op.drop_table(name)
    return rows


def _bring_back(rows: dict[str, list[dict[str, Any]]]) -> None:
    """Put the rows into the new tables: what was of a version is of its item."""
    bind = op.get_bind()
    found = bind.execute(sa.text("SELECT version_id, id FROM item WHERE version_id IS NOT NULL"))
    items = {row.version_id: row.id for row in found}
    roles = {"writer": "contributor", "final_approver": "approver"}
    for name in ("assignment", "sign_off", "feedback", "final_approval"):
        table = sa.Table(name, sa.MetaData(), autoload_with=bind)
        for row in rows[name]:
            if "version_id" in row:
                row["item_id"] = items[row.pop("version_id")]
            if name == "assignment":
                row["role"] = roles.get(row["role"], row["role"])
        if rows[name]:
            bind.execute(sa.insert(table), rows[name])
    _declare_people(rows["assignment"])
    if bind.dialect.name == "postgresql":
        for name in ("feedback", "final_approval"):
            op.execute(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), coalesce(max(id), 1), max(id) IS NOT NULL) "
                f"FROM {name}"
            )


def _declare_people(assignments: list[dict[str, Any]]) -> None:
    """So far nobody but the file of a project could assign people."""
    bind = op.get_bind()
    project = sa.Table("project", sa.MetaData(), autoload_with=bind)
    for key in bind.execute(sa.select(project.c.id)).scalars().all():
        places = sorted([row["person"], row["role"], row["group"]] for row in assignments if row["project_id"] == key)
        bind.execute(sa.update(project).where(project.c.id == key).values(declared_people={"places": places}))


def _items_appear() -> list[str]:
    """Every project, model and version that there is becomes an item."""
    columns = "kind, path, project_id, model_id, version_id, parent_id, state, govern_children, revision, appeared_at"
    false = "0" if op.get_bind().dialect.name == "sqlite" else "false"
    fixed = f"'GOVERNABLE', {false}, 0"
    return [
        f"INSERT INTO item ({columns}) "
        f"SELECT 'project', name, id, NULL, NULL, NULL, {fixed}, created_at FROM project ORDER BY id",
        f"INSERT INTO item ({columns}) "
        f"SELECT 'model', parent.path || '/' || model.name, model.project_id, model.id, NULL, parent.id, {fixed}, "
        "model.created_at FROM model JOIN item parent "
        "ON parent.kind = 'project' AND parent.project_id = model.project_id ORDER BY model.id",
        f"INSERT INTO item ({columns}) "
        "SELECT 'version', parent.path || '/' || model_version.number, parent.project_id, parent.model_id, "
        f"model_version.id, parent.id, {fixed}, model_version.trained_at FROM model_version JOIN item parent "
        "ON parent.kind = 'model' AND parent.model_id = model_version.model_id ORDER BY model_version.id",
    ]


def _on_sqlite() -> list[str]:
    def refuse(name: str, when: str, sentence: str) -> str:
        return f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{sentence}'); END"

    as_it_was = " AND ".join(f"NEW.{column} IS OLD.{column}" for column in LINE)
    unsealed = "NEW.number IS NULL AND NEW.digest IS NULL AND NEW.seal IS NULL"
    first_name = "substr(subject, 1, instr(subject || '/', '/') - 1)"
    return [
        "DROP TRIGGER active_version_first",
        "DROP TRIGGER active_version_next",
        "DROP TRIGGER audit_event_unchanged",
        f"UPDATE audit_event SET project = {first_name}",
        refuse("active_version_first", f"INSERT ON active_version WHEN NOT EXISTS ({GATE_SAID_YES})", UNGATED),
        refuse(
            "active_version_next",
            f"UPDATE ON active_version WHEN {NOT_FORWARD} OR NEW.rowid <> OLD.rowid OR NOT EXISTS ({GATE_SAID_YES})",
            UNGATED,
        ),
        refuse("audit_event_unchanged", f"UPDATE ON audit_event WHEN NOT ({SEALED_ONCE} AND {as_it_was})", KEPT),
        refuse("audit_event_unsealed", f"INSERT ON audit_event WHEN NOT ({unsealed})", UNSEALED),
        refuse("audit_head_forward", f"UPDATE ON audit_head WHEN {NOT_THE_END}", HEAD),
        refuse("audit_head_kept", "DELETE ON audit_head", HEAD),
        refuse("audit_head_once", "INSERT ON audit_head", HEAD),
        refuse("bundle_unchanged", "UPDATE ON bundle", BUNDLE),
        refuse("bundle_kept", "DELETE ON bundle", BUNDLE),
        refuse("bundle_once", f"INSERT ON bundle WHEN EXISTS (SELECT 1 FROM bundle WHERE {SAME_BUNDLE})", BUNDLE),
    ]


def _on_postgresql() -> list[str]:
    def refuse(name: str, when: str, table: str, sentence: str, rows: str = "FOR EACH ROW") -> str:
        return f"CREATE TRIGGER {name} BEFORE {when} ON {table} {rows} EXECUTE FUNCTION driftgate_refuse('{sentence}')"

    def function(name: str, body: str) -> str:
        return f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"

    def refusal(sentence: str) -> str:
        return f"RAISE EXCEPTION '{sentence}' USING ERRCODE = 'integrity_constraint_violation';"

    as_it_was = " AND ".join(f"NEW.{column}::text IS NOT DISTINCT FROM OLD.{column}::text" for column in LINE)
    unsealed = "NEW.number IS NULL AND NEW.digest IS NULL AND NEW.seal IS NULL"
    statements = [
        function(
            "driftgate_gate",
            f"IF NOT EXISTS ({GATE_SAID_YES}) THEN {refusal(UNGATED)} END IF; "
            f"IF TG_OP = 'UPDATE' AND ({NOT_FORWARD}) THEN {refusal(UNGATED)} END IF; RETURN NEW;",
        ),
        function(
            "driftgate_sealing", f"IF NOT ({SEALED_ONCE} AND {as_it_was}) THEN {refusal(KEPT)} END IF; RETURN NEW;"
        ),
        function("driftgate_forward", f"IF {NOT_THE_END} THEN {refusal(HEAD)} END IF; RETURN NEW;"),
        "DROP TRIGGER audit_event_kept ON audit_event",
        "UPDATE audit_event SET project = split_part(subject, '/', 1)",
        'ALTER TABLE audit_event ALTER COLUMN subject TYPE VARCHAR COLLATE "C"',
        refuse("audit_event_kept", "DELETE", "audit_event", KEPT),
        "CREATE TRIGGER audit_event_sealing BEFORE UPDATE ON audit_event "
        "FOR EACH ROW EXECUTE FUNCTION driftgate_sealing()",
        f"CREATE TRIGGER audit_event_unsealed BEFORE INSERT ON audit_event FOR EACH ROW WHEN (NOT ({unsealed})) "
        f"EXECUTE FUNCTION driftgate_refuse('{UNSEALED}')",
        "CREATE TRIGGER audit_head_forward BEFORE UPDATE ON audit_head "
        "FOR EACH ROW EXECUTE FUNCTION driftgate_forward()",
        refuse("audit_head_kept", "INSERT OR DELETE", "audit_head", HEAD),
        refuse("bundle_kept", "UPDATE OR DELETE", "bundle", BUNDLE),
    ]
    for table, sentence in (("audit_head", HEAD), ("bundle", BUNDLE)):
        statements.append(refuse(f"{table}_never_emptied", "TRUNCATE", table, sentence, "FOR EACH STATEMENT"))
    return statements
