"""Lists in pages: filtered, sorted and cut in the database.

A page begins after the last row of the page before, found by its place in the order and not by counting: a page deep
inside costs what the first one costs, and rows that appear meanwhile neither repeat nor hide any.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from math import isfinite
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import ColumnElement, Enum, Select, TypeDecorator, and_, false, literal, or_, tuple_
from sqlmodel import Session

from governance.errors import UnusableValue

Row = TypeVar("Row")
Filter = Callable[[str], ColumnElement[bool]]

LARGEST_PAGE: Final = 1_000
DEFAULT_PAGE: Final = 50

_LARGEST_INTEGER: Final = 2**31 - 1
"""What fits into an integer column of PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list can be sorted and filtered by.

    Args:
        columns: Name, as people and addresses have it: the column. Sorted by, and filtered by equality.
        key: A column that is different in every row; decides among rows that are equal otherwise.
        default_sort: Name of a column; with ``-`` in front, the largest comes first.
        filters: Other filters by name: what a text asks of a row. One goes before a column of its name.
        filled: Names of columns that may be empty in their table, but never in this list.
    """

    columns: Mapping[str, Any]
    key: Any
    default_sort: str
    filters: Mapping[str, Filter] = field(default_factory=dict)
    filled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list, in its order.

    Args:
        rows: What the query selects: its one thing, or a tuple of several.
        next: What to hand in as ``after`` for the rows that follow; none: there are none.
    """

    rows: Sequence[Row]
    next: str | None


def page_of(
    session: Session,
    query: Any,
    listing: Listing,
    *,
    sort: str | None = None,
    filters: Mapping[str, str] | None = None,
    limit: int = DEFAULT_PAGE,
    after: str | None = None,
) -> Page[Any]:
    """One page of a list.

    Args:
        session: To read with.
        query: A select of all that the list may show; an order of its own is dropped.
        listing: What the list can be sorted and filtered by.
        sort: Name of a column, with ``-`` in front for the largest first; none: the order of the listing.
        filters: Name: value as text. Rows must meet all of them.
        limit: Most rows of the page, from 1 to :data:`LARGEST_PAGE`.
        after: ``next`` of the page before, with the same sort and filters; none: from the beginning.

    Raises:
        UnusableValue: there is no such sort or filter, a value is none of its type, or ``after`` is of another list.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        raise UnusableValue("limit", f"{limit} rows are no page", f"ask for 1 to {LARGEST_PAGE:,}")
    sort = sort or listing.default_sort
    name, descending = sort.removeprefix("-"), sort.startswith("-")
    if name not in listing.columns:
        raise _unknown("sort", name, listing.columns)
    column, key = listing.columns[name], listing.key
    may_be_empty = name not in listing.filled and getattr(column, "nullable", True) is not False
    for known, value in (filters or {}).items():
        query = query.where(_condition(listing, known, value))
    if after is not None:
        value, key_value = _read_cursor(after, sort, column, key)
        query = query.where(_behind(column, value, key, key_value, descending=descending, may_be_empty=may_be_empty))
    first = column.desc() if descending else column.asc()
    if may_be_empty:  # what is empty counts as the smallest, on every database
        first = first.nulls_last() if descending else first.nulls_first()
    in_order = [first] if column is key else [first, key.desc() if descending else key.asc()]
    cut: Select[Any] = query.add_columns(column, key).order_by(None).order_by(*in_order).limit(limit + 1)
    found = [tuple(row) for row in session.execute(cut)]
    shown = [row[:-2] for row in found[:limit]]
    rows = [row[0] if len(row) == 1 else row for row in shown]
    last = found[limit - 1][-2:] if len(found) > limit else None
    return Page(rows, None if last is None else _cursor(sort, *last))


def value_of(name: str, column: Any, text: str) -> Any:
    """What a text means as a value of a column.

    Raises:
        UnusableValue: it is none.
    """
    kind = _kind_of(column)
    try:
        if "\0" in text:
            raise ValueError(text)  # noqa: TRY301
        text.encode()
        value: Any
        if issubclass(kind, bool):
            value = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
        elif issubclass(kind, datetime):
            value = datetime.fromisoformat(text)
            value = (value.replace(tzinfo=UTC) if value.tzinfo is None else value).astimezone(UTC)
        elif issubclass(kind, int):
            value = int(text)
            if abs(value) > _LARGEST_INTEGER:
                raise ValueError(text)  # noqa: TRY301
        elif issubclass(kind, float):
            value = float(text)
            if not isfinite(value):
                raise ValueError(text)  # noqa: TRY301
        else:
            value = kind(text)
    except (ValueError, KeyError, OverflowError) as error:
        raise UnusableValue(name, f"{text[:80]!r} can't be compared with it", _remedy(kind)) from error
    return value


def equals(name: str, column: Any) -> Filter:
    """A filter for rows whose column has a value."""
    return lambda text: column == value_of(name, column, text)


def at_least(name: str, column: Any) -> Filter:
    """A filter for rows whose column has a value, or more."""
    return lambda text: column >= value_of(name, column, text)


def less_than(name: str, column: Any) -> Filter:
    """A filter for rows whose column has less than a value."""
    return lambda text: column < value_of(name, column, text)


def below(name: str, column: Any) -> Filter:
    """A filter for rows whose column has a path of names, or one that begins with it and a slash."""

    def under(text: str) -> ColumnElement[bool]:
        path = str(value_of(name, column, text)).rstrip("/")
        # As a range, which an index finds: "0" is the character after "/".
        return or_(column == path, and_(column >= f"{path}/", column < f"{path}0"))

    return under


def _condition(listing: Listing, name: str, value: str) -> ColumnElement[bool]:
    if name in listing.filters:
        return listing.filters[name](value)
    if name in listing.columns:
        return equals(name, listing.columns[name])(value)
    raise _unknown("filter", name, {**listing.columns, **listing.filters})


def _behind(
    column: Any, value: Any, key: Any, key_value: Any, *, descending: bool, may_be_empty: bool
) -> ColumnElement[bool]:
    """What is true of the rows that follow one in the order."""

    def later(one: Any, other: Any) -> Any:
        return one < other if descending else one > other

    if column is key:
        return later(key, key_value)  # type: ignore[no-any-return]
    if not may_be_empty:
        place = tuple_(literal(value, column.type), literal(key_value, key.type))
        return later(tuple_(column, key), place)  # type: ignore[no-any-return]
    if value is None:
        among_empty = and_(column.is_(None), later(key, key_value))
        return among_empty if descending else or_(column.is_not(None), among_empty)
    return or_(
        later(column, value),
        and_(column == value, later(key, key_value)),
        column.is_(None) if descending else false(),
    )


def _cursor(sort: str, value: Any, key: Any) -> str:
    said = json.dumps([sort, None if value is None else _text(value), _text(key)])
    return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")


def _read_cursor(cursor: str, sort: str, column: Any, key: Any) -> tuple[Any, Any]:
    try:
        of, value, key_value = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if of != sort or not isinstance(key_value, str) or not isinstance(value, str | None):
            raise ValueError(cursor)  # noqa: TRY301
        return None if value is None else value_of("after", column, value), value_of("after", key, key_value)
    except (ValueError, TypeError, RecursionError, UnusableValue) as error:
        problem = "it does not continue a list in this order"
        raise UnusableValue("after", problem, "hand in what the page before said, or nothing") from error


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _kind_of(column: Any) -> type[Any]:
    """The Python type of a column's values."""
    stored = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    if isinstance(stored, Enum) and stored.enum_class is not None:
        return stored.enum_class
    return stored.python_type


def _remedy(kind: type[Any]) -> str:
    if issubclass(kind, StrEnum):
        return f"use one of {', '.join(kind)}"
    words = {bool: "true or false", datetime: "a time such as 2026-01-31T12:00:00+00:00", int: "a whole number"}
    words |= {float: "a number", str: "text"}
    return f"use {words.get(kind, 'another value')}"


def _unknown(what: str, name: str, known: Mapping[str, Any]) -> UnusableValue:
    return UnusableValue(what, f"there is none called {name[:80]!r}", f"use one of {', '.join(sorted(known))}")
