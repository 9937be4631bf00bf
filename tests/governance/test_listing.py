"""Lists come in pages: every row once, in order, whatever the order is."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from governance.database import reading, transaction
from governance.errors import UnusableValue
from governance.listing import LARGEST_PAGE, Listing, Page, at_least, below, less_than, page_of
from governance.tables import Notice

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
LISTING = Listing(
    {
        "id": Notice.id,
        "recipient": Notice.recipient,
        "at": Notice.created_at,
        "attempts": Notice.attempts,
        "sent": Notice.sent_at,
    },
    key=Notice.id,
    default_sort="-at",
    filters={
        "from": at_least("from", Notice.created_at),
        "to": less_than("to", Notice.created_at),
        "under": below("under", Notice.subject),
    },
)
PATHS = ("credit", "credit/fraud", "credit/fraud/1", "credit/fraud/10", "credit-2/fraud", "Credit/fraud", "creditx")


@pytest.fixture
def notices(database: Engine) -> list[Notice]:
    """Forty, with equal and with absent values in every column that can have them."""
    rows = [
        Notice(
            recipient=("ana", "bo", "Cy", "dée")[n % 4], subject=PATHS[n % 7], body="", attempts=n % 3,
            created_at=NOON + timedelta(minutes=n // 5, microseconds=n % 2),
            sent_at=None if n % 3 else NOON - timedelta(hours=n % 6),
        )
        for n in range(40)
    ]  # fmt: skip
    with transaction(database) as session:
        session.add_all(rows)
    return rows


def ask(session: Session, **asked: Any) -> Page[Notice]:
    return page_of(session, select(Notice).order_by(col(Notice.body)), LISTING, **asked)


def all_pages(session: Session, **asked: Any) -> list[Notice]:
    rows: list[Notice] = []
    after: str | None = None
    while True:
        page = ask(session, after=after, **asked)
        rows += page.rows
        assert len(page.rows) == asked["limit"] or page.next is None
        if page.next is None:
            return rows
        after = page.next


@pytest.mark.parametrize("limit", [1, 7, 40, 41])
@pytest.mark.parametrize("sort", [sign + name for name in LISTING.columns for sign in ("", "-")])
def test_pages_together_are_the_list(database: Engine, notices: list[Notice], sort: str, limit: int) -> None:
    with reading(database) as session:
        found = all_pages(session, sort=sort, limit=limit)
        whole = ask(session, sort=sort, limit=LARGEST_PAGE)
    assert [row.id for row in found] == [row.id for row in whole.rows]
    assert whole.next is None
    assert {row.id for row in found} == {row.id for row in notices}
    assert len(found) == len(notices)
    name = sort.removeprefix("-")
    if name != "recipient":  # how text is ordered is the database's own
        earliest = datetime.min.replace(tzinfo=UTC)
        values = [getattr(row, {"at": "created_at", "sent": "sent_at"}.get(name, name)) for row in found]
        values = [earliest if value is None else value for value in values]
        assert values == sorted(values, reverse=sort.startswith("-"))


def test_without_a_sort_the_order_is_that_of_the_listing(database: Engine, notices: list[Notice]) -> None:
    with reading(database) as session:
        assert ask(session, limit=10).rows == ask(session, sort="-at", limit=10).rows
        assert ask(session, limit=1).rows[0].id == max(
            row.id or 0 for row in notices[-4:] if row.created_at.microsecond
        )


def test_what_appears_meanwhile_neither_repeats_nor_hides_a_row(database: Engine, notices: list[Notice]) -> None:
    with reading(database) as session:
        first = ask(session, sort="-at", limit=20)
    with transaction(database) as session:
        session.add(Notice(recipient="eve", subject="new", body="", created_at=NOON + timedelta(days=1)))
    with reading(database) as session:
        second = ask(session, sort="-at", limit=20, after=first.next)
    assert {row.id for row in (*first.rows, *second.rows)} == {row.id for row in notices}


@pytest.mark.parametrize(
    ("filters", "meant"),
    [
        ({"recipient": "bo"}, lambda row: row.recipient == "bo"),
        ({"recipient": "dée", "attempts": "1"}, lambda row: row.recipient == "dée" and row.attempts == 1),
        ({"recipient": "bo' OR '1'='1"}, lambda _row: False),
        ({"at": "2026-01-15T13:02:00+01:00"}, lambda row: row.created_at == NOON + timedelta(minutes=2)),
        ({"from": "2026-01-15T12:02:00"}, lambda row: row.created_at >= NOON + timedelta(minutes=2)),
        ({"to": "2026-01-15T12:02Z"}, lambda row: row.created_at < NOON + timedelta(minutes=2)),
        ({"from": "2026-01-15", "to": "2026-01-16"}, lambda _row: True),
        ({"under": "credit"}, lambda row: row.subject == "credit" or row.subject.startswith("credit/")),
        ({"under": "credit/fraud/1/"}, lambda row: row.subject == "credit/fraud/1"),
        ({"under": "%"}, lambda _row: False),
    ],
)  # fmt: skip
def test_filters_are_all_met(database: Engine, notices: list[Notice], filters: dict[str, str], meant: Any) -> None:
    with reading(database) as session:
        found = all_pages(session, filters=filters, limit=3)
    assert {row.id for row in found} == {row.id for row in notices if meant(row)}


def test_several_things_come_as_tuples(database: Engine, notices: list[Notice]) -> None:
    with reading(database) as session:
        page = page_of(session, select(Notice.id, Notice, Notice.recipient), LISTING, sort="id", limit=2)
    assert page.rows == [(row.id, row, row.recipient) for row in notices[:2]]


def cursor_of(*said: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode()


AT = NOON.isoformat()


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"limit": 0}, "limit: 0 rows are no page; ask for 1 to 1,000"),
        ({"limit": 1_001}, "limit: 1001 rows are no page; ask for 1 to 1,000"),
        ({"sort": "colour"}, "sort: there is none called 'colour'; use one of at, attempts, id, recipient, sent"),
        ({"sort": "--at"}, "sort: there is none called 'at'|sort: there is none called '-at'"),
        ({"filters": {"body": "x"}}, "filter: there is none called 'body'; use one of at, attempts, from, id, "),
        ({"filters": {"id": "one"}}, "id: 'one' can't be compared with it; use a whole number"),
        ({"filters": {"id": "9" * 30}}, "id: .* can't be compared with it; use a whole number"),
        ({"filters": {"recipient": "a\0b"}}, "recipient: .* can't be compared with it; use text"),
        ({"filters": {"recipient": "\ud800"}}, "recipient: .* can't be compared with it; use text"),
        ({"filters": {"from": "yesterday"}}, "from: 'yesterday' can't be compared with it; use a time such as 2026"),
        ({"filters": {"at": "0001-01-01T00:00+14:00"}}, "at: .* can't be compared with it; use a time such as"),
        *(
            ({"after": after, "sort": "-at"}, "after: it does not continue a list in this order; hand in what the page")
            for after in (
                "", "%%%", "AAAA", "é", cursor_of("-at"), cursor_of("at", AT, "1"), cursor_of("-at", 7, "1"),
                cursor_of("-at", AT, None), cursor_of("-at", AT, "x"), cursor_of("-at", "x", "1"),
                cursor_of("-at", AT, "9" * 30), cursor_of("-at", AT, {}), cursor_of(*["-at"] * 9),
            )
        ),
    ],
)  # fmt: skip
def test_what_can_not_be_asked_is_refused(database: Engine, asked: dict[str, Any], sentence: str) -> None:
    with reading(database) as session, pytest.raises(UnusableValue, match=sentence):
        ask(session, **{"limit": 10} | asked)


def test_a_time_in_another_zone_continues_where_it_was(database: Engine, notices: list[Notice]) -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5))) + timedelta(minutes=3)
    with reading(database) as session:
        page = ask(session, sort="at", limit=40, after=cursor_of("at", elsewhere.isoformat(), "0"))
    assert {row.id for row in page.rows} == {row.id for row in notices if row.created_at >= NOON + timedelta(minutes=3)}
