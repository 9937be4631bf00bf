"""Queries, on a SQLite file and on a real PostgreSQL: rows come as from a CSV file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import quote, quote_plus

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sqlalchemy import URL, create_engine, make_url, text

from governance.errors import NotFound, SchemaMismatch, UnreadableFile
from governance.project_file import Project, Sampling
from governance.vocabulary import Handling
from tasks.data import queries
from tasks.data.fingerprint import Watch, fingerprint
from tasks.data.profiling import profile_columns
from tasks.data.queries import Query
from tasks.data.reading import count_rows, iterate_with_originals, read_frame
from tasks.data.sampling import Selection
from tasks.data.sources import Source, read_header, resolve_data

COLUMNS = {"amount": Handling.NUMERICAL, "kind": Handling.CATEGORICAL, "day": Handling.DATE}
SELECT = "SELECT id, amount, kind, day FROM loans ORDER BY id;"


@pytest.fixture
def address(empty_url):
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE loans (id INTEGER, amount FLOAT, kind VARCHAR(20), day TIMESTAMP)"))
        connection.execute(
            text("INSERT INTO loans VALUES (:id, :amount, :kind, :day)"),
            [
                {
                    "id": row,
                    "amount": None if row % 10 == 0 else row / 4,
                    "kind": ["car", "house", None, "12:30 :x 5%", "NA"][row % 5],
                    "day": f"2024-01-{row % 28 + 1:02d} 06:00:00",
                }
                for row in range(500)
            ],
        )
    engine.dispose()
    return empty_url


def query(address: str, statement: str = SELECT) -> Source:
    return Source("loans", Path("loans"), "sql", query=Query("loans", statement, address))


def test_rows_are_typed_as_those_of_the_same_csv_file(address, tmp_path):
    source = query(address)
    engine = create_engine(address)
    with engine.connect() as connection:
        pd.read_sql(text(SELECT), connection).to_csv(tmp_path / "loans.csv", index=False)
    engine.dispose()
    file = Source("loans", tmp_path / "loans.csv", "csv")
    assert read_header(source) == read_header(file) == ["id", "amount", "kind", "day"]
    assert count_rows(source) == 500
    assert_frame_equal(read_frame(source, COLUMNS), read_frame(file, COLUMNS))
    by_query, by_file = ({p.name: p.handling for p in profile_columns(each)} for each in (source, file))
    assert by_query == by_file


@pytest.mark.parametrize("chunk_rows", [1, 7, 1_000])
def test_what_is_chosen_does_not_depend_on_the_batches(address, chunk_rows):
    sampling = Sampling(method="random", rows=50, where=[{"column": "id", "below": 400}])
    whole = pd.concat(list(Selection(query(address), COLUMNS, sampling)))
    assert_frame_equal(whole, pd.concat(list(Selection(query(address), COLUMNS, sampling, chunk_rows=chunk_rows))))


def test_its_fingerprint_is_of_the_rows_in_their_order(address):
    source = query(address)
    with Watch(source) as watch:
        read_frame(source, COLUMNS, watch.digest)
        assert watch.fingerprint() == fingerprint(source)
    assert fingerprint(source) != fingerprint(query(address, SELECT.replace("BY id", "BY id DESC")))


def test_the_originals_are_text(address):
    original, typed = next(iterate_with_originals(query(address), COLUMNS))
    assert original["id"].tolist()[:3] == ["0", "1", "2"]
    assert len(original) == len(typed) == 500


def test_a_query_is_taken_as_it_is_written(address):
    source = query(address, "SELECT kind FROM loans WHERE kind = '12:30 :x 5%'")
    assert count_rows(source) == 100


def test_truth_values_and_decimals_are_written_one_way(empty_url):
    if empty_url.startswith("sqlite"):
        Path(make_url(empty_url).database).touch()
    source = query(empty_url, "SELECT 1 = 1 AS flag, CAST(2.50 AS NUMERIC(5, 2)) AS price, NULL AS empty")
    frame = read_frame(source, {"flag": Handling.CATEGORICAL, "price": Handling.NUMERICAL, "empty": Handling.NUMERICAL})
    assert frame["flag"].tolist() == ["1" if empty_url.startswith("sqlite") else "true"]
    assert frame["price"].tolist() == [2.5]
    assert frame["empty"].isna().all()


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE loans",
        "DELETE FROM loans",
        "/* SELECT */ DELETE FROM loans",
        "-- SELECT\nDELETE FROM loans",
        "PRAGMA user_version = 77",
        "PRAGMA query_only = OFF",
        "CREATE TABLE other AS SELECT 1",
        "WITH gone AS (SELECT id FROM loans) DELETE FROM loans WHERE id IN (SELECT id FROM gone)",
        "WITH gone AS (DELETE FROM loans RETURNING id) SELECT id FROM gone",
        "SELECT id INTO other FROM loans",
        "SELECT 1; COMMIT; DROP TABLE loans",
        "SELECT 1; DROP TABLE loans",
        "SELECT set_config('transaction_read_only', 'off', false)",
    ],
)
def test_no_statement_changes_anything(address, statement):
    before = _everything(address)
    with pytest.raises(UnreadableFile):
        read_frame(query(address, statement), {})
    assert _everything(address) == before
    assert count_rows(query(address)) == 500


def _everything(address: str) -> list[object]:
    engine = create_engine(address)
    with engine.connect() as connection:
        if address.startswith("postgresql"):
            tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            return list(connection.exec_driver_sql(tables).scalars())
        version = connection.exec_driver_sql("PRAGMA user_version").scalar()
        return [version, *connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars()]


@pytest.mark.parametrize(
    "statement",
    [
        "-- all of them\n/* every\nrow */ select id FROM loans",
        "WITH l AS (SELECT * FROM loans) SELECT id FROM l",
        "(SELECT id FROM loans)",
    ],
)
def test_what_only_reads_may_begin_with_comments(address, statement):
    if statement.startswith("(") and address.startswith("sqlite"):
        pytest.skip("SQLite knows no query in parentheses")
    assert count_rows(query(address, statement)) == 500


def test_a_query_runs_once_for_its_header_and_once_for_its_rows(address, monkeypatch):
    ran = []
    running = queries._running
    monkeypatch.setattr(queries, "_running", lambda *given: ran.append(given) or running(*given))
    source = query(address)
    selection = Selection(source, COLUMNS, Sampling(method="head", rows=20), chunk_rows=7)
    chosen = pd.concat(list(selection))
    assert (len(chosen), selection.total_rows) == (20, 500)
    assert read_header(source) == ["id", "amount", "kind", "day"]
    assert len(ran) == 2


def test_a_query_whose_columns_change_is_refused(address):
    source = query(address, "SELECT * FROM loans")
    assert len(read_header(source)) == 4
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE loans RENAME COLUMN kind TO sort"))
    engine.dispose()
    with pytest.raises(UnreadableFile, match="its columns changed while it was read"):
        read_frame(source, COLUMNS)


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("SELECT nothing FROM loans", "loans: its database says no"),
        ("SELECT id, id FROM loans", "2 columns have this name"),
    ],
)
def test_a_query_that_can_not_be_used_is_told(address, statement, sentence):
    with pytest.raises((UnreadableFile, SchemaMismatch), match=sentence):
        read_header(query(address, statement))


def test_a_value_that_is_no_number_is_named_with_its_row(address):
    with pytest.raises(SchemaMismatch, match="loans, column 'kind', row 1: 'car' is not a number"):
        read_frame(query(address), {"kind": Handling.NUMERICAL})


def test_bytes_are_refused(address):
    source = query(address, "SELECT CAST('ab' AS bytea) AS raw" if "postgresql" in address else "SELECT x'00ff' AS raw")
    with pytest.raises(SchemaMismatch, match="column 'raw', row 1: the value is of bytes"):
        read_frame(source, {"raw": Handling.CATEGORICAL})


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://ada:s3cret@127.0.0.1:1/loans",
        "postgresql+nosuch://ada:s3cret@127.0.0.1/loans",
        "postgresql+psycopg://ada:s3cret%25%2F@127.0.0.1:notaport/loans",
        "s3cret",
        "postgresql+psycopg://ada:s3cret",
        "postgresql+psycopg://ada:x@s3cret@127.0.0.1:1/loans",
        "postgresql+psycopg://ada@127.0.0.1:1/loans?password=s3cret&s3cretmode=on",
        "postgresql+psycopg://ada:s3cret@127.0.0.1:1/loans?port=s3cret",
        "sqlite:////nowhere/s3cret.db",
    ],
)
def test_no_error_tells_the_password(address):
    with pytest.raises(UnreadableFile) as refused:
        read_header(query(address))
    assert "s3cret" not in str(refused.value) or address.startswith("sqlite")
    assert "s3cret" not in repr(query(address))
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("written", ["p%40ss%2Fword", "p@ss/word"])
def test_the_password_is_kept_secret_as_it_is_and_as_the_address_writes_it(written):
    address = "postgresql+psycopg://ada:p%40ss%2Fword@127.0.0.1:1/loans"
    assert written in queries._secrets(address, make_url(address))


@pytest.mark.parametrize("password", ["lo", "p ss/wörd"])
def test_no_detail_gives_the_password_away(password):
    url = URL.create("postgresql+psycopg", "ada", password, "127.0.0.1", 1, "loans", {"sslpassword": "key to+it"})
    told = f"no loans for {password}, {quote(password)}, {quote_plus(password)}, key to+it, {quote_plus('key to+it')}"
    masked = queries._without_secrets(told, url.render_as_string(hide_password=False), url)
    assert masked == ("" if len(password) < 4 else "no loans for ***, ***, ***, ***, ***")


def test_a_parameter_that_sqlite_does_not_know_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "loans.db").touch()
    with pytest.raises(UnreadableFile, match="loans:"):
        read_header(query(f"sqlite:///{tmp_path}/loans.db?timeout=s3cret"))


def test_a_missing_sqlite_file_is_not_made(tmp_path):
    with pytest.raises(UnreadableFile, match="there is no database"):
        read_header(query(f"sqlite:///{tmp_path}/gone.db"))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def declared() -> Project:
    return Project.model_validate(
        {
            "project": "loans",
            "data": {"current": {"query": SELECT, "url_variable": "LOANS_URL"}},
            "models": {"m": {"target": "repaid", "prediction_type": "binary", "train_on": "current"}},
        }
    )


def test_the_address_comes_from_the_environment(declared, address):
    source = resolve_data(declared, None, "current", {"LOANS_URL": address})
    assert (source.name, source.format) == ("current", "sql")
    assert read_header(source)[0] == "id"
    assert resolve_data(declared, "current:latest", "current", {"LOANS_URL": address}) == source


def test_an_address_that_is_not_set_is_asked_for(declared):
    with pytest.raises(NotFound, match="no environment variable 'LOANS_URL'; set it to the SQLAlchemy URL"):
        resolve_data(declared, None, "current", {})
    with pytest.raises(NotFound, match="'current' is a query: name it without a part"):
        resolve_data(declared, "current:06", "current", {})


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("a\n1\n")
    source = Source("rows", file, "csv")
    with Watch(source) as watch:
        assert watch.fingerprint() == hashlib.sha256(b"a\n1\n").hexdigest()
    with Watch(source) as watch:
        file.write_text("a\n1\n2\n")
        with pytest.raises(UnreadableFile, match="it changed while it was read"):
            watch.fingerprint()
    with Watch(source) as watch:
        (tmp_path / "other.csv").write_text("a\n1\n3\n")
        (tmp_path / "other.csv").replace(file)
        with pytest.raises(UnreadableFile, match="it changed while it was read"):
            watch.fingerprint()
    with Watch(source) as watch:
        before = file.stat()
        file.write_text("a\n1\n4\n")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        with pytest.raises(UnreadableFile, match="it changed while it was read"):
            watch.fingerprint()
    with Watch(source) as watch:
        file.unlink()
        with pytest.raises(UnreadableFile, match="it changed while it was read"):
            watch.fingerprint()
