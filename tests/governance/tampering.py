"""Somebody with the password of the database, and without the key of the audit trail."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, text


def tamper(engine: Engine, *statements: str, **values: Any) -> None:
    """Execute statements past every trigger and foreign key; what the database refuses afterwards is as before."""
    with engine.connect() as connection:
        on_sqlite = engine.dialect.name == "sqlite"
        if on_sqlite:
            triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
            connection.rollback()
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.rollback()
            connection.execution_options(driftgate_writing=True)
            for name, _ in triggers:
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement), values)
        if on_sqlite:
            for _, sql in triggers:
                connection.exec_driver_sql(sql)
        connection.commit()
    if on_sqlite:
        engine.dispose()  # that connection asked for no foreign keys
