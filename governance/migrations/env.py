"""Alembic's entry: run the migrations on the connection that ``governance.database`` hands over."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

import governance.tables  # noqa: F401  # fills the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=True,  # on SQLite too: a migration happens as a whole or not at all
)
context.run_migrations()
