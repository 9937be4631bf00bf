"""A function of the project's and a statement for its database: what they are given, give, and refuse."""

from __future__ import annotations

import sqlite3
import time
from datetime import date

import pytest
from prefect.utilities.timeout import timeout
from sqlalchemy import create_engine, text

from governance.errors import NotFound, UnreadableFile, UnusableValue
from tasks import edge
from tasks.data.queries import Query, query_batches, query_header
from tasks.python_step import bound, call_function
from tasks.scenarios.results import as_result
from tasks.sql_step import execute_statement, require_one_statement

PROJECT = """
project: parts
data: {training: {path: rows.csv}}
models: {late: {target: late, prediction_type: binary}}
"""

CODE = """
from __future__ import annotations
import asyncio
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated
import numpy as np
from pydantic import BaseModel, Field

class Leaving(BaseException):
    pass

class Colour(Enum):
    RED = "red"

@dataclass
class Box:
    width: int

class Order(BaseModel):
    number: int

def kinds(day: date, colour: Colour, box: Box, order: Order, share: Annotated[float, Field(le=1)] = 0.5, *, many=()):
    return {"day": day, "colour": colour, "box": box, "order": order, "share": share, "many": list(many)}

def anything(**rest: int): return rest
def nothing(): pass
def number(): return np.int64(3)
def listed(): return [np.float64(1.5), (date(2017, 6, 1),)]
def not_finite(): return {"loss": float("nan")}
def strange(): return {"frame": object()}
def huge(): return "x" * 200_000
def leaves(): raise SystemExit(3)
def gives_up(): raise Leaving("no rows")
def is_cancelled(): raise asyncio.CancelledError
def is_interrupted(): raise KeyboardInterrupt
def by_its_own(): return Order.model_validate({"number": "many"})
def unknown(rows: Nowhere): return rows
"""


@pytest.fixture
def call(tmp_path):
    (tmp_path / "project.yaml").write_text(PROJECT)
    (tmp_path / "steps.py").write_text(CODE)
    return lambda function, **arguments: call_function.fn(str(tmp_path), f"steps.py:{function}", arguments)


def test_arguments_become_what_the_annotations_say(call):
    given = call("kinds", day="2017-06-01", colour="red", box={"width": "3"}, order={"number": 4}, many=[1, 2])
    assert given == {
        "day": "2017-06-01", "colour": "red", "box": {"width": 3}, "order": {"number": 4}, "share": 0.5, "many": [1, 2],
    }  # fmt: skip
    assert call("anything", rows="3", days=4) == {"rows": 3, "days": 4}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"day": "soon"}, r"argument 'day' of steps.py:kinds: input should be a valid date.*, and it is 'soon'"),
        ({"box": {"width": "wide"}}, r"argument 'box'\['width'\] of steps.py:kinds: input should be a valid integer"),
        ({"share": 1.5}, "argument 'share' of steps.py:kinds: input should be less than or equal to 1, and it is 1.5"),
        ({"size": 1}, "argument 'size' of steps.py:kinds: the function does not take it; use one of day, colour, box"),
    ],
)
def test_an_argument_that_does_not_fit_is_named(call, wrong, sentence):
    right = {"day": "2017-06-01", "colour": "red", "box": {"width": 3}, "order": {"number": 4}}
    with pytest.raises(UnusableValue, match=sentence):
        call("kinds", **(right | wrong))


def test_a_missing_argument_is_named(call):
    with pytest.raises(
        UnusableValue, match=r"argument 'box' of steps.py:kinds: it is missing; give it under arguments"
    ):
        call("kinds", day="2017-06-01", colour="red", order={"number": 4})


def test_what_a_function_gives_becomes_the_result(call):
    assert call("nothing") == {}
    assert call("number") == {"value": 3}
    assert call("listed") == {"value": [1.5, ["2017-06-01"]]}


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("not_finite", "result of steps.py:not_finite: JSON can't hold it"),
        ("strange", "JSON can't hold it .*it holds a value of type object.*; return numbers, texts"),
        ("huge", "it has 200,002 characters as JSON, more than 100,000; write it to a file"),
    ],
)
def test_what_json_can_not_hold_is_refused(call, function, sentence):
    with pytest.raises(UnusableValue, match=sentence):
        call(function)


def test_what_a_function_raises_is_its_own(call):
    from pydantic import ValidationError

    with pytest.raises(ValidationError):  # not taken for one of its arguments
        call("by_its_own")
    with pytest.raises(RuntimeError, match=r"the function left with SystemExit\(3\)"):
        call("leaves")
    with pytest.raises(RuntimeError, match=r"the function left with Leaving: no rows"):
        call("gives_up")
    with pytest.raises(RuntimeError, match=r"the function left with CancelledError"):
        call("is_cancelled")
    with pytest.raises(KeyboardInterrupt):
        call("is_interrupted")
    with pytest.raises(UnreadableFile, match=r"its annotations can't be used .NameError: name 'Nowhere'"):
        call("unknown", rows=1)
    with pytest.raises(UnreadableFile, match="it has no function 'gone'; define it, or mend the step's function"):
        call("gone")


def test_a_function_is_called_by_position_where_it_wants_that():
    def only_so(rows, /, days=2):
        return rows, days

    with pytest.raises(UnusableValue, match="argument"):
        bound(only_so, {"rows": 1}, "steps.py:only_so")


@pytest.fixture
def database(empty_url, monkeypatch):
    if empty_url.startswith("sqlite"):
        sqlite3.connect(empty_url.removeprefix("sqlite:///")).close()
        engine = create_engine(empty_url)
        with engine.begin() as connection:
            connection.execute(text("PRAGMA user_version = 1"))
    else:
        engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE part (name TEXT, price NUMERIC, made DATE)"))
    monkeypatch.setenv("PARTS_URL", empty_url)
    yield engine
    engine.dispose()


def execute(statement, **parameters):
    return execute_statement.fn("Book", statement, parameters, "PARTS_URL")


def rows_in(engine):
    with engine.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM part")).scalar_one()


def test_values_are_bound_and_never_pasted(database):
    evil = "'); DROP TABLE part; --"
    written = execute("INSERT INTO part VALUES (:name, :price, :made)", name=evil, price=1.5, made=date(2017, 6, 1))
    assert (written["rows_affected"], written["message"]) == (1, "1 row affected")
    found = execute("SELECT name, made FROM part WHERE name = :name", name=evil)
    assert found["rows"] == [{"name": evil, "made": "2017-06-01"}]
    assert execute("SELECT count(*) AS rows FROM part")["value"] == 1


def test_a_list_is_the_values_of_an_in(database):
    for name in "abc":
        execute("INSERT INTO part (name) VALUES (:name)", name=name)
    assert execute("DELETE FROM part WHERE name IN :names", names=["a", "c", "z"])["message"] == "2 rows affected"
    assert execute("SELECT name FROM part")["value"] == "b"


def test_of_many_rows_the_first_hundred_are_told(database):
    with database.begin() as connection:
        connection.execute(text("INSERT INTO part (name) VALUES (:name)"), [{"name": str(n)} for n in range(130)])
    found = execute("SELECT name FROM part")
    assert (len(found["rows"]), found["all_rows"], found["message"]) == (100, False, "100 rows, and there are more")


@pytest.mark.parametrize("second", ["DELETE FROM part", "INSERT INTO part (name) VALUES ('b')"])
def test_a_second_statement_is_refused_and_nothing_is_done(database, second):
    with pytest.raises((UnusableValue, UnreadableFile)):
        execute(f"INSERT INTO part (name) VALUES ('a'); {second}")
    assert rows_in(database) == 0


def test_what_ends_a_statement_is_told_from_what_looks_so():
    for one in (
        "SELECT ';'", 'SELECT 1 AS "a;b";', "SELECT 1 -- ; SELECT 2", "SELECT /* ; */ 1",
        "CREATE FUNCTION f() RETURNS int AS $body$ SELECT 1; SELECT 2; $body$ LANGUAGE sql", "SELECT 'it''s; so'",
    ):  # fmt: skip
        require_one_statement(one)
    for several in ("SELECT 1; SELECT 2", "SELECT ''; DROP TABLE part --'", "/* a */; SELECT 1; DELETE FROM part"):
        with pytest.raises(UnusableValue, match="there are 2 statements; write a step for each"):
            require_one_statement(several)
    with pytest.raises(UnusableValue, match="there are no statements; write one"):
        require_one_statement(" ; -- nothing")


def test_a_backslash_escapes_only_where_the_database_has_that():
    one, two = r"SELECT 'it\'s; so'", r"SELECT '\'; DROP TABLE part --'"
    require_one_statement(one, backslash=True)
    require_one_statement(two, backslash=True)
    require_one_statement(r"SELECT E'it\'s; so'")
    with pytest.raises(UnusableValue, match="there are 2 statements"):
        require_one_statement(two)
    with pytest.raises(UnusableValue, match="there are 2 statements"):
        require_one_statement(r"SELECT '\\'; DROP TABLE part", backslash=True)


FOR_EVER = {
    "sqlite": "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(600)",
}


@pytest.mark.timeout(120, method="thread")  # the limit needs the signal that pytest would take
def test_a_statement_that_takes_longer_than_it_may_is_stopped(database):
    begun = time.monotonic()
    with pytest.raises(edge.TookTooLong), timeout(0.5, edge.TookTooLong):
        execute(FOR_EVER[database.dialect.name])
    assert time.monotonic() - begun < 20
    assert execute("INSERT INTO part (name) VALUES ('a')")["rows_affected"] == 1


@pytest.mark.timeout(120, method="thread")
def test_a_query_that_takes_longer_than_it_may_is_stopped(database):
    query = Query("parts", FOR_EVER[database.dialect.name], database.url.render_as_string(hide_password=False))
    begun = time.monotonic()
    with pytest.raises(edge.TookTooLong), timeout(0.5, edge.TookTooLong):
        list(query_batches(query, query_header(query), 10))
    assert time.monotonic() - begun < 20


def test_parameters_and_names_have_to_fit(database):
    with pytest.raises(UnusableValue, match="parameter 'name': it has no value; give it under parameters"):
        execute("DELETE FROM part WHERE name = :name")
    with pytest.raises(UnusableValue, match="parameter 'nmae': the statement has no :nmae; remove it, or use it"):
        execute("DELETE FROM part", nmae="a")
    assert execute("SELECT 'at 10\\:30' AS moment")["value"] == "at 10:30"


def test_a_statement_that_fails_changes_nothing_and_tells_no_address(database, monkeypatch):
    with pytest.raises(UnreadableFile, match=r"Book: its database says no .*no_such_table"):
        execute("DELETE FROM no_such_table")
    monkeypatch.setenv("PARTS_URL", "postgresql+psycopg://keeper:very-secret@127.0.0.1:9/parts?connect_timeout=2")
    with pytest.raises(UnreadableFile) as refused:
        execute("DELETE FROM part")
    assert "very-secret" not in str(refused.value)
    monkeypatch.setenv("PARTS_URL", "very-secret")
    with pytest.raises(UnreadableFile, match="the address of its database is no SQLAlchemy URL") as refused:
        execute("DELETE FROM part")
    assert "very-secret" not in str(refused.value)
    monkeypatch.delenv("PARTS_URL")
    with pytest.raises(NotFound, match="There is no environment variable 'PARTS_URL'; set it to the SQLAlchemy URL"):
        execute("DELETE FROM part")


def test_numbers_of_the_database_become_numbers_or_texts_of_json():
    assert as_result({"blob": b"\xff", "day": date(2017, 6, 1)}, "Book") == {"blob": "_w==", "day": "2017-06-01"}
