"""Columns that several tables have."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import DateTime, Enum, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlmodel import Field, SQLModel

# Every constraint has a name, the same on every database, so that a later migration can speak of it.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Moment(TypeDecorator[datetime]):
    """A point in time in UTC, with its zone on every database (SQLite would drop it)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without zone; store in UTC."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone: use datetime.now(UTC)")
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        return value if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def moment(**options: Any) -> Any:
    """A required column of type :class:`Moment`."""
    return Field(sa_type=Moment, **options)


def choice(kind: type[StrEnum], **options: Any) -> Any:
    """A column that holds one word of an enum, as text: a new word needs no change of the database."""
    words = Enum(kind, native_enum=False, length=40, values_callable=lambda words: [word.value for word in words])
    return Field(sa_type=words, **options)


class Numbered(Protocol):
    """A row whose key the database gives."""

    id: int | None


def key_of(row: Numbered) -> int:
    """The key of a row that is in the database; a row that was only made has none yet."""
    if row.id is None:
        raise ValueError(f"{row!r} is not in the database yet: flush it first")
    return row.id
