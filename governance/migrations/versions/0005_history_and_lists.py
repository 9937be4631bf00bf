# ruff: noqa: S608  # the names in these statements are our own
"""What was said and decided stays as it was, in the database too; and indexes for lists."""

from __future__ import annotations

from typing import NamedTuple

from alembic import op

revision = "0005"
down_revision = "0004"

SHORTER = {
    "ix_audit_event_at": "audit_event",
    "ix_audit_event_subject": "audit_event",
    "ix_audit_event_tag": "audit_event",
    "ix_evaluation_evaluated_at": "evaluation",
    "ix_evaluation_store_id": "evaluation",
    "ix_evaluation_version_id": "evaluation",
}
"""Indexes that give way to longer ones."""

LISTS = {
    # The trail is listed in the order of time, whatever it is filtered by.
    "ix_audit_event_at": ("audit_event", ("at", "number")),
    "ix_audit_event_actor": ("audit_event", ("actor", "at", "number")),
    "ix_audit_event_origin": ("audit_event", ("origin", "at", "number")),
    "ix_audit_event_project": ("audit_event", ("project", "at", "number")),
    "ix_audit_event_subject": ("audit_event", ("subject", "at", "number")),
    "ix_audit_event_tag": ("audit_event", ("tag", "at", "number")),
    "ix_evaluation_evaluated_at": ("evaluation", ("evaluated_at", "id")),
    "ix_evaluation_store_id": ("evaluation", ("store_id", "evaluated_at", "id")),
    "ix_evaluation_version_id": ("evaluation", ("version_id", "evaluated_at", "id")),
    "ix_model_version_trained_at": ("model_version", ("trained_at", "id")),
    "ix_active_version_version_id": ("active_version", ("version_id",)),
    "ix_sign_off_status": ("sign_off", ("status", "item_id")),
}
"""What lists are sorted by, after what they are filtered by."""


class Guard(NamedTuple):
    """What must not happen to a row.

    Args:
        name: Of the trigger.
        event: INSERT, UPDATE or DELETE.
        table: Of the row.
        when: What makes it forbidden; empty: always.
        sentence: What the refusal says.
    """

    name: str
    event: str
    table: str
    when: str
    sentence: str


KEYS = {
    "feedback": "id = NEW.id",
    "final_approval": "id = NEW.id OR (item_id = NEW.item_id AND round = NEW.round)",
    "governance_template": "id = NEW.id OR (name = NEW.name AND number = NEW.number)",
    "item": "id = NEW.id OR path = NEW.path OR version_id = NEW.version_id OR bundle_id = NEW.bundle_id",
    "override": "id = NEW.id",
    "sign_off": "item_id = NEW.item_id",
    "user_account": "id = NEW.id OR name = NEW.name OR subject = NEW.subject",
}
"""Per table every unique key: a row that shares one with a new row would make way for it in INSERT OR REPLACE on
SQLite, which asks no trigger on DELETE."""

KEPT = {table: f"a row of {table} is never removed or written over" for table in KEYS}

HISTORY = "what was said in an earlier round of a sign-off is history"
SPOKEN = "who said something, when and on what is never changed"
DECIDED = "an approval is of what its sign-off says, and of the content as it was recorded"
MOVED = "a sign-off is moved by its table only, one revision at a time"
ASKED = "an override is asked for by one, confirmed by another, reviewed afterwards, and never changed"
ITEM = "an item stays what it is"
NAMED = "the name of a user is never changed: the record speaks of them"
DRAFT = "only a draft of a template is ever changed"

ROUND = "(SELECT round FROM sign_off WHERE sign_off.item_id = {row}.item_id)"

CONTENT = """(
    SELECT coalesce(model_version.manifest_digest, bundle.manifest_digest) FROM item
    LEFT JOIN model_version ON model_version.id = item.version_id
    LEFT JOIN bundle ON bundle.id = item.bundle_id
    WHERE item.id = NEW.item_id
)"""
"""Digest of what is signed, as it was recorded."""

ASKED_FOR = ("id", "version_id", "environment_id", "content_digest", "reason", "requested_by", "requested_at")
CONFIRMED = ("confirmed_by", "confirmed_at")
REVIEWED = ("reviewed_by", "review", "reviewed_at")


def upgrade() -> None:
    """Create the triggers and the indexes."""
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for guard in _guards(on_sqlite=on_sqlite):
        for statement in _on_sqlite(guard) if on_sqlite else _on_postgresql(guard):
            op.execute(statement)
    if not on_sqlite:
        for table, sentence in KEPT.items():
            op.execute(
                f"CREATE TRIGGER {table}_never_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
                f"EXECUTE FUNCTION driftgate_refuse('{sentence}')"
            )
    for index, table in SHORTER.items():
        op.drop_index(index, table)
    for index, (table, columns) in LISTS.items():
        op.create_index(index, table, list(columns))


def _guards(*, on_sqlite: bool) -> list[Guard]:
    """Everything that is forbidden, in the words of a database."""

    def changed(*columns: str) -> str:
        differ = "NEW.{0} IS NOT OLD.{0}" if on_sqlite else "NEW.{0} IS DISTINCT FROM OLD.{0}"
        return f"({' OR '.join(differ.format(column) for column in columns)})"

    confirming = (
        f"OLD.confirmed_by IS NULL AND NOT {changed(*REVIEWED)} "
        "AND NEW.confirmed_at IS NOT NULL AND NEW.confirmed_by <> OLD.requested_by"
    )
    reviewing = (
        f"OLD.confirmed_by IS NOT NULL AND NOT {changed(*CONFIRMED)} AND OLD.reviewed_by IS NULL "
        "AND NEW.reviewed_at IS NOT NULL AND NEW.reviewed_by <> OLD.requested_by"
    )
    guards = [
        Guard("override_first", "INSERT", "override", "NEW.confirmed_by IS NOT NULL OR NEW.reviewed_by IS NOT NULL",
              ASKED),
        Guard("override_next", "UPDATE", "override",
              f"{changed(*ASKED_FOR)} OR coalesce(NOT (({confirming}) OR ({reviewing})), {_true(on_sqlite)})", ASKED),
        Guard("sign_off_first", "INSERT", "sign_off", "NEW.status <> 'NOT_STARTED' OR NEW.round <> 1", MOVED),
        Guard("sign_off_next", "UPDATE", "sign_off",
              f"{changed('item_id')} OR NEW.revision <> OLD.revision + 1 OR NOT (NEW.round = OLD.round "
              "OR (NEW.round = OLD.round + 1 AND NEW.status = 'NOT_STARTED'))", MOVED),
        Guard("item_next", "UPDATE", "item",
              changed("id", "kind", "path", "project_id", "model_id", "version_id", "bundle_id", "parent_id",
                      "appeared_at"), ITEM),
        Guard("user_account_next", "UPDATE", "user_account", changed("id", "name", "kind"), NAMED),
        Guard("governance_template_next", "UPDATE", "governance_template",
              f"{changed('id', 'name', 'number')} OR (OLD.state <> 'DRAFT' AND {changed('source')})", DRAFT),
    ]  # fmt: skip
    for table in ("feedback", "final_approval"):
        guards += [
            Guard(f"{table}_now", "INSERT", table, f"NEW.round <> {ROUND.format(row='NEW')}", HISTORY),
            Guard(f"{table}_history", "UPDATE", table, f"OLD.round <> {ROUND.format(row='OLD')}", HISTORY),
            Guard(f"{table}_withdrawn", "DELETE", table, f"OLD.round <> {ROUND.format(row='OLD')}", HISTORY),
            Guard(f"{table}_spoken", "UPDATE", table, changed("id", "item_id", "round", "author", "created_at"),
                  SPOKEN),
        ]  # fmt: skip
    status = "(SELECT status FROM sign_off WHERE sign_off.item_id = NEW.item_id)"
    guards += [
        Guard(f"final_approval_decided_{event.lower()}", event, "final_approval",
              f"NEW.verdict <> {status} OR NEW.content_digest <> {CONTENT}", DECIDED)
        for event in ("INSERT", "UPDATE")
    ]  # fmt: skip
    for table, sentence in KEPT.items():
        if table not in {"feedback", "final_approval"}:  # their author may take them back
            guards.append(Guard(f"{table}_kept", "DELETE", table, "", sentence))
        if on_sqlite:
            taken = f"EXISTS (SELECT 1 FROM {table} WHERE {KEYS[table]})"
            guards.append(Guard(f"{table}_once", "INSERT", table, taken, sentence))
    return guards


def _true(on_sqlite: bool) -> str:
    return "1" if on_sqlite else "true"


def _on_sqlite(guard: Guard) -> list[str]:
    when = f" WHEN {guard.when}" if guard.when else ""
    return [
        f"CREATE TRIGGER {guard.name} BEFORE {guard.event} ON {guard.table}{when} "
        f"BEGIN SELECT RAISE(ABORT, '{guard.sentence}'); END"
    ]


def _on_postgresql(guard: Guard) -> list[str]:
    # A function each, since the condition of a trigger can't look into other tables. The class of error is that of a
    # violated constraint, as on SQLite.
    function, row = f"driftgate_{guard.name}", "OLD" if guard.event == "DELETE" else "NEW"
    refusal = f"RAISE EXCEPTION '{guard.sentence}' USING ERRCODE = 'integrity_constraint_violation';"
    return [
        f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN IF {guard.when or 'true'} THEN {refusal} END IF; RETURN {row}; END $$",
        f"CREATE TRIGGER {guard.name} BEFORE {guard.event} ON {guard.table} FOR EACH ROW EXECUTE FUNCTION {function}()",
    ]
