# ruff: noqa: S608  # the names in these statements are our own
"""What the database itself refuses, whoever asks: rewriting the record, and making a version active past the gate."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

FOR_EVER = ("audit_event", "activation", "check_result")
"""Rows are added and then stay as they are."""

GATE_SAID_YES = """
    SELECT 1 FROM activation
    JOIN model_version ON model_version.id = activation.version_id
    JOIN model ON model.id = activation.model_id
    JOIN environment ON environment.id = activation.environment_id
    JOIN sign_off ON sign_off.version_id = activation.version_id
    WHERE activation.id = NEW.activation_id
    AND activation.model_id = NEW.model_id
    AND activation.environment_id = NEW.environment_id
    AND activation.version_id = NEW.version_id
    AND model_version.model_id = NEW.model_id
    AND environment.project_id = model.project_id
    AND (activation.decision = 'ALLOWED' OR (activation.decision = 'CONFIRMATION_NEEDED' AND activation.confirmed))
    AND (
        environment.policy = 'always'
        OR (environment.policy = 'warn' AND activation.confirmed)
        OR (sign_off.status = 'APPROVED' AND EXISTS (
            SELECT 1 FROM final_approval
            WHERE final_approval.version_id = activation.version_id
            AND final_approval.round = sign_off.round
            AND final_approval.verdict = 'APPROVED'
            AND final_approval.content_digest = model_version.manifest_digest
        ))
    )
"""
"""The activation that a row of active_version rests on: of the same version, model and environment, let through, and
with the approval or the policy that lets it through."""

NOT_FORWARD = (
    "NEW.activation_id <= OLD.activation_id OR NEW.revision <> OLD.revision + 1 "
    "OR NEW.model_id <> OLD.model_id OR NEW.environment_id <> OLD.environment_id"
)
"""An earlier activation must not be used again, and a row stays with its model and environment."""

KEYS = {
    **dict.fromkeys(FOR_EVER, "id = NEW.id"),
    "model_version": "id = NEW.id OR (model_id = NEW.model_id AND number = NEW.number) OR folder = NEW.folder",
    "active_version": "rowid = NEW.rowid OR activation_id = NEW.activation_id "
    "OR (model_id = NEW.model_id AND environment_id = NEW.environment_id)",
}
"""Per table every unique key, SQLite's own row number among them: a row that shares one with a new row would make way
for it in INSERT OR REPLACE, which asks no trigger on DELETE."""


def upgrade() -> None:
    """Create the triggers."""
    if op.get_bind().dialect.name == "sqlite":
        for statement in _on_sqlite():
            op.execute(statement)
    else:
        for statement in _on_postgresql():
            op.execute(statement)


def _on_sqlite() -> list[str]:
    def refuse(name: str, when: str, sentence: str) -> str:
        return f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{sentence}'); END"

    def once(table: str, sentence: str) -> str:
        taken = f"EXISTS (SELECT 1 FROM {table} WHERE {KEYS[table]})"
        return refuse(f"{table}_once", f"INSERT ON {table} WHEN {taken}", sentence)

    triggers = []
    for table in FOR_EVER:
        sentence = f"a row of {table} is never changed or removed"
        triggers += [
            refuse(f"{table}_unchanged", f"UPDATE ON {table}", sentence),
            refuse(f"{table}_kept", f"DELETE ON {table}", sentence),
            once(table, sentence),
        ]
    unchanged = "a model version is never changed"
    ungated = "only an activation that the gate let through makes a version active"
    return [
        *triggers,
        refuse("model_version_unchanged", "UPDATE ON model_version", unchanged),
        once("model_version", unchanged),
        refuse(
            "model_version_kept",
            "DELETE ON model_version WHEN EXISTS (SELECT 1 FROM activation WHERE version_id = OLD.id)",
            "a model version that was ever active is never removed",
        ),
        refuse("active_version_first", f"INSERT ON active_version WHEN NOT EXISTS ({GATE_SAID_YES})", ungated),
        refuse(
            "active_version_next",
            f"UPDATE ON active_version WHEN {NOT_FORWARD} OR NEW.rowid <> OLD.rowid OR NOT EXISTS ({GATE_SAID_YES})",
            ungated,
        ),
        once("active_version", "an active version is changed in its place, never written over"),
        refuse("active_version_kept", "DELETE ON active_version", "an active version is replaced, never removed"),
    ]


def _on_postgresql() -> list[str]:
    def refuse(name: str, when: str, table: str, sentence: str, rows: str = "FOR EACH ROW") -> str:
        return f"CREATE TRIGGER {name} BEFORE {when} ON {table} {rows} EXECUTE FUNCTION driftgate_refuse('{sentence}')"

    def function(name: str, body: str) -> str:
        return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"

    # The class of error is that of a violated constraint, as on SQLite.
    refusal = "RAISE EXCEPTION '%', {} USING ERRCODE = 'integrity_constraint_violation';"
    ungated = "'only an activation that the gate let through makes a version active'"
    ever_active = "'a model version that was ever active is never removed'"
    statements = [
        function("driftgate_refuse", refusal.format("TG_ARGV[0]")),
        function(
            "driftgate_gate",
            f"IF NOT EXISTS ({GATE_SAID_YES}) THEN {refusal.format(ungated)} END IF; "
            f"IF TG_OP = 'UPDATE' AND ({NOT_FORWARD}) THEN {refusal.format(ungated)} END IF; RETURN NEW;",
        ),
        function(
            "driftgate_keep_version",
            "IF EXISTS (SELECT 1 FROM activation WHERE version_id = OLD.id) "
            f"THEN {refusal.format(ever_active)} END IF; RETURN OLD;",
        ),
        "CREATE TRIGGER active_version_gated BEFORE INSERT OR UPDATE ON active_version "
        "FOR EACH ROW EXECUTE FUNCTION driftgate_gate()",
        "CREATE TRIGGER model_version_kept BEFORE DELETE ON model_version "
        "FOR EACH ROW EXECUTE FUNCTION driftgate_keep_version()",
        refuse("model_version_unchanged", "UPDATE", "model_version", "a model version is never changed"),
        refuse("active_version_kept", "DELETE", "active_version", "an active version is replaced, never removed"),
    ]
    for table in FOR_EVER:
        sentence = f"a row of {table} is never changed or removed"
        statements.append(refuse(f"{table}_kept", "UPDATE OR DELETE", table, sentence))
    for table in (*FOR_EVER, "model_version", "active_version"):
        sentence = f"{table} is never emptied"
        statements.append(refuse(f"{table}_never_emptied", "TRUNCATE", table, sentence, "FOR EACH STATEMENT"))
    return statements
