from __future__ import annotations

import gc
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from governance.errors import SchemaMismatch, UnreadableFile
from governance.vocabulary import Handling
from tasks.data import batches
from tasks.data.conversion import MISSING
from tasks.data.reading import count_rows, iterate_chunks, iterate_with_originals, read_frame
from tasks.data.sources import Source
from tasks.data.writing import ScoredWriter

N, C, D, T, I = Handling.NUMERICAL, Handling.CATEGORICAL, Handling.DATE, Handling.TEXT, Handling.IGNORED  # noqa: E741


def test_every_handling_has_its_type_and_the_order_is_the_one_asked_for(csv):
    frame = read_frame(csv("i,t,d,c,n\n1.0,hi,2017-06-30,1.0,1\n,,,,\n"), {"n": N, "c": C, "d": D, "t": T, "i": I})
    assert list(frame.columns) == ["n", "c", "d", "t", "i"]
    assert [str(kind) for kind in frame.dtypes] == ["float64", "str", "datetime64[us, UTC]", "str", "str"]
    assert frame.iloc[0].tolist() == [1.0, "1", pd.Timestamp("2017-06-30", tz="UTC"), "hi", "1.0"]
    assert frame.iloc[1].isna().all()


@pytest.mark.parametrize("text", sorted(MISSING))
@pytest.mark.parametrize("handling", Handling)
def test_texts_that_mean_missing_are_missing_in_both_formats(csv, parquet, text, handling):
    for source in (csv(f'a,b\n"{text}",x\n{text},x\n'), parquet(a=pa.array([text, text]))):
        assert read_frame(source, {"a": handling})["a"].isna().all()


def test_a_missing_column_is_refused_at_once_with_the_nearest_name(csv):
    with pytest.raises(SchemaMismatch, match=r"data.csv, column 'age': there is no such column; the nearest is 'Age '"):
        iterate_chunks(csv("Age ,b\n1,2\n"), {"age": N})
    with pytest.raises(SchemaMismatch, match=r"add it, or correct the name in project.yaml \(the file has a, b\)"):
        iterate_chunks(csv("a,b\n1,2\n"), {"price": N})


def test_a_wrong_separator_is_suspected(csv):
    with pytest.raises(SchemaMismatch, match="set separator: ';' for this data source"):
        iterate_chunks(csv("a;b\n1;2\n"), {"a": N})


def test_text_in_a_numerical_column_is_named_with_row_and_value(csv, parquet):
    sentence = r"column 'n', row 3: '5 kg' is not a number; correct the value, or change the column's handling"
    for source in (csv("n,m\n1,1\n\n2,2\n5 kg,3\n"), parquet(n=pa.array(["1", "2", "5 kg"]))):
        with pytest.raises(SchemaMismatch, match=sentence) as caught:
            read_frame(source, {"n": N})
        assert caught.value.row == 3


@pytest.mark.parametrize("chunk_rows", [1, 2, 3, 100])
def test_the_first_bad_row_is_told_whatever_the_chunk(csv, chunk_rows):
    source = csv("n,m\n1,1\n1,2\n2,bad\nworse,3\n")
    with pytest.raises(SchemaMismatch, match="column 'm', row 3: 'bad'"):
        list(iterate_chunks(source, {"n": N, "m": N}, chunk_rows=chunk_rows))


def test_a_long_value_is_cut(csv):
    with pytest.raises(SchemaMismatch) as caught:
        read_frame(csv("n\n" + "x" * 5000 + "\n"), {"n": N})
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("text", ["inf", "-inf", "Infinity", "1e999"])
def test_an_infinite_text_is_refused(csv, text):
    with pytest.raises(SchemaMismatch, match=rf"row 2: the value '{text}' is infinite; write a number"):
        read_frame(csv(f"n\n1\n{text}\n"), {"n": N})


def test_an_infinite_float_is_refused(parquet):
    with pytest.raises(SchemaMismatch, match=r"column 'n', row 3: the value '-inf' is infinite"):
        read_frame(parquet(n=pa.array([1.0, None, -np.inf])), {"n": N})


def test_truth_values_are_numbers_and_categories(csv, parquet):
    for source in (csv("a\nTrue\nNaN\nfalse\n"), parquet(a=pa.array([True, None, False]))):
        assert read_frame(source, {"a": N})["a"].tolist() == pytest.approx([1.0, np.nan, 0.0], nan_ok=True)
        assert read_frame(source, {"a": C})["a"].dropna().tolist() == ["true", "false"]


def test_identifiers_that_missing_values_turned_into_floats_stay_the_same_category(csv, parquet):
    wanted = ["1", "2"]
    assert read_frame(csv("a,b\n1.0,x\n,x\n2.0,x\n"), {"a": C})["a"].dropna().tolist() == wanted
    assert read_frame(parquet(a=pa.array([1.0, np.nan, 2.0])), {"a": C})["a"].dropna().tolist() == wanted
    assert read_frame(parquet(a=pa.array([1, None, 2])), {"a": C})["a"].dropna().tolist() == wanted


def test_parquet_types_are_all_understood(parquet):
    source = parquet(
        flag=pa.array([True, None]),
        small=pa.array([1, None], pa.int8()),
        unsigned=pa.array([2**63, None], pa.uint64()),
        half=pa.array([np.float16(1.5), None], pa.float16()),
        money=pa.array([Decimal("12.30"), None], pa.decimal128(10, 2)),
        coded=pa.array(["a", None]).dictionary_encode(),
        coded_number=pa.array([7, None]).dictionary_encode(),
        large=pa.array(["a", None], pa.large_string()),
        view=pa.array(["a", None], pa.string_view()),
        none=pa.nulls(2),
        day=pa.array([date(2017, 6, 30), None]),
        naive=pa.array([datetime(2017, 6, 30, 12), None], pa.timestamp("ns")),  # noqa: DTZ001
        zoned=pa.array([datetime(2017, 6, 30, 12, tzinfo=timezone(timedelta(hours=2))), None], pa.timestamp("ms", "Europe/Paris")),
        written=pa.array(["2017-06-30T12:00:00.5+02:00", None]),
    )  # fmt: skip
    numbers = read_frame(
        source, dict.fromkeys(("flag", "small", "unsigned", "half", "money", "coded_number", "none"), N)
    )
    assert (numbers.dtypes == "float64").all()
    assert numbers.iloc[0].tolist() == pytest.approx([1, 1, 2**63, 1.5, 12.3, 7, np.nan], nan_ok=True)
    texts = read_frame(source, dict.fromkeys(("flag", "small", "money", "coded", "coded_number", "large", "view"), C))
    assert (texts.dtypes == "str").all()
    assert texts.iloc[0].tolist() == ["true", "1", "12.30", "a", "7", "a", "a"]
    assert texts.iloc[1].isna().all()
    moments = read_frame(source, dict.fromkeys(("day", "naive", "zoned", "written"), D))
    assert (moments.dtypes == "datetime64[us, UTC]").all()
    hours = [moment.isoformat() for moment in moments.iloc[0]]
    assert hours == [
        "2017-06-30T00:00:00+00:00", "2017-06-30T12:00:00+00:00", "2017-06-30T10:00:00+00:00", "2017-06-30T10:00:00.500000+00:00",
    ]  # fmt: skip
    assert moments.iloc[1].isna().all()


def test_timestamps_are_no_numbers_and_numbers_are_no_dates(parquet):
    source = parquet(when=pa.array([datetime(2017, 6, 30)], pa.timestamp("us")), n=pa.array([5]), l=pa.array([[1, 2]]))  # noqa: DTZ001
    with pytest.raises(SchemaMismatch, match=r"column 'when': it holds timestamp\[us\] where numbers are needed"):
        read_frame(source, {"when": N})
    with pytest.raises(SchemaMismatch, match=r"row 1: '5' is not an ISO date"):
        read_frame(source, {"n": D})
    with pytest.raises(SchemaMismatch, match="list"):
        read_frame(source, {"l": N})
    assert read_frame(source, {"l": I, "when": I}).iloc[0].tolist() == ["[1, 2]", "2017-06-30 00:00:00"]


def test_a_date_that_does_not_exist_is_named(csv):
    with pytest.raises(SchemaMismatch, match=r"column 'd', row 2: '2017-02-30' is not an ISO date like 2017-06-30"):
        read_frame(csv("d\n2017-02-28\n2017-02-30\n"), {"d": D})


def test_dates_far_away_are_dates(csv):
    frame = read_frame(csv("d\n0001-01-01\n9999-12-31\n"), {"d": D})
    assert frame["d"].dt.year.tolist() == [1, 9999]


def test_a_byte_order_mark_is_dropped(csv):
    assert read_frame(csv("\ufeffa,b\n1,2\n"), {"a": N})["a"].tolist() == [1.0]


def test_quoted_line_ends_and_separators_are_values(csv):
    frame = read_frame(csv('t,n\n"two\nlines, one ""value""",1\nplain,2\n'), {"t": T, "n": N})
    assert frame["t"].tolist() == ['two\nlines, one "value"', "plain"]


@pytest.mark.parametrize(("row", "values"), [("3", 1), ("3,4,5", 3)])
def test_a_ragged_row_is_named(csv, row, values):
    sentence = rf"data.csv: row 3 has {values} values where the header has 2 names; correct the row"
    source = csv(f'a,b\n"x\ny",1\n\n2,2\n{row}\n')
    with pytest.raises(UnreadableFile, match=sentence):
        read_frame(source, {"a": C})
    with pytest.raises(UnreadableFile, match=sentence):
        count_rows(source)


def test_a_quote_without_end_is_suspected_when_a_row_is_too_long(csv, monkeypatch):
    monkeypatch.setattr(batches, "_BLOCK_BYTES", 1 << 20)
    with pytest.raises(UnreadableFile, match=r"a row of more than 1 MiB; look for a quote"):
        read_frame(csv('a,b\n1,2\n3,"' + "x,y\n" * (1 << 19)), {"a": C})


@pytest.mark.parametrize("content", ["a,b\n", "a,b", "\ufeffa,b\r\n\r\n"])
def test_a_header_without_rows_is_refused(csv, content):
    with pytest.raises(UnreadableFile, match="it has a header but no rows; write at least one row"):
        read_frame(csv(content), {"a": N})
    assert count_rows(csv(content)) == 0


def test_parquet_without_rows_is_refused(parquet):
    source = parquet(a=pa.array([], pa.float64()))
    with pytest.raises(UnreadableFile, match="no rows"):
        read_frame(source, {"a": N})
    assert count_rows(source) == 0


@pytest.mark.parametrize("rows_before", [10, 3_000_000])
def test_bytes_that_are_not_utf8_are_named_wherever_they_are(csv, rows_before):
    good = b"a,b\n" + b"1,2\n" * rows_before
    with pytest.raises(UnreadableFile, match=rf"byte {len(good) + 1:,} \(0xff\) in line {rows_before + 2:,}; save"):
        for _ in iterate_chunks(csv(good + b"x\xff,2\n"), {"a": C}):
            pass


def test_damage_inside_a_parquet_file_is_told(parquet):
    source = parquet(a=pa.array(np.random.default_rng(0).normal(size=20_000)))
    content = bytearray(source.path.read_bytes())
    content[10:5000] = b"\xff" * 4990
    source.path.write_bytes(content)
    with pytest.raises(UnreadableFile, match="truncated, damaged or not Parquet"):
        read_frame(source, {"a": N})


def test_a_column_that_is_all_missing_has_its_type(csv, parquet):
    wanted = {"n": N, "c": C, "d": D}
    for source in (csv("n,c,d,x\n,,,1\n,,,1\n"), parquet(n=pa.nulls(2), c=pa.nulls(2), d=pa.nulls(2))):
        frame = read_frame(source, wanted)
        assert [str(kind) for kind in frame.dtypes] == ["float64", "str", "datetime64[us, UTC]"]
        assert frame.isna().all(axis=None)


def test_names_with_dots_and_an_empty_name_are_names(csv, parquet):
    frame = pd.DataFrame({"a.b": [1.0], "a": [2.0], "": [3.0]})
    for source in (csv(frame.to_csv(index=False)), parquet(pa.Table.from_pandas(frame))):
        assert_frame_equal(read_frame(source, {"": N, "a.b": N, "a": N}), frame[["", "a.b", "a"]])


values = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))
words = st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=5))
table = st.lists(
    st.tuples(
        values,
        st.one_of(st.none(), st.integers(-(2**40), 2**40)),
        words,
        st.none() | st.booleans(),
        st.none() | st.dates(),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=table, chunk_rows=st.integers(1, 40))
def test_csv_and_parquet_of_the_same_data_read_alike_in_chunks_of_any_size(tmp_path, rows, chunk_rows):
    frame = pd.DataFrame(
        {
            "n": pd.Series([row[0] for row in rows], dtype="float64"),
            "i": pd.Series([row[1] for row in rows], dtype="Int64"),
            "f": pd.Series([row[1] for row in rows], dtype="float64"),
            "w": pd.Series([row[2] for row in rows], dtype="str"),
            "b": pd.Series([row[3] for row in rows], dtype="boolean"),
            "d": pd.Series([row[4] for row in rows], dtype="object"),
        }
    )
    frame.to_csv(tmp_path / "x.csv", index=False)
    pa.parquet.write_table(
        pa.Table.from_pandas(frame.assign(d=pd.Series([None] * len(rows), dtype="object")), preserve_index=False).set_column(
            5, "d", pa.array([row[4] for row in rows], pa.date32())
        ),
        tmp_path / "x.parquet",
    )  # fmt: skip
    text = Source("x", tmp_path / "x.csv", "csv")
    typed = Source("x", tmp_path / "x.parquet", "parquet")
    for columns in ({"n": N, "i": N, "f": N, "w": T, "b": N, "d": D}, {"i": C, "f": C, "w": C, "b": C, "d": C}):
        whole = read_frame(text, columns)
        assert_frame_equal(whole, read_frame(typed, columns))
        assert_frame_equal(whole, pd.concat(list(iterate_chunks(text, columns, chunk_rows=chunk_rows))))
        assert_frame_equal(whole, pd.concat(list(iterate_chunks(typed, columns, chunk_rows=chunk_rows))))
    assert count_rows(text) == count_rows(typed) == len(rows)


def test_the_index_is_the_position_in_the_file(csv):
    chunks = list(iterate_chunks(csv("a\n" + "1\n" * 7), {"a": N}, chunk_rows=3))
    assert [chunk.index.tolist() for chunk in chunks] == [[0, 1, 2], [3, 4, 5], [6]]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_memory_is_bounded_by_the_chunk_and_not_by_the_file(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(batches, "_BLOCK_BYTES", 1 << 14)
    pool = pa.default_memory_pool()
    most = {}
    for rows in (100_000, 400_000):
        frame = pd.DataFrame({"a": np.arange(rows) + 1_000_000, "b": np.arange(rows) % 7})
        path = tmp_path / f"{rows}.{kind}"
        frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path, index=False, row_group_size=50_000)
        gc.collect()
        before = pool.bytes_allocated()
        seen, most[rows] = 0, 0
        for chunk in iterate_chunks(Source("long", path, kind), {"a": N, "b": C}, chunk_rows=2_000):
            assert len(chunk) <= 2_000
            seen += len(chunk)
            most[rows] = max(most[rows], pool.bytes_allocated() - before)
        assert seen == rows
    assert most[400_000] < 1.1 * most[100_000]


def test_a_chunk_has_at_least_one_row(csv):
    with pytest.raises(ValueError, match="chunk_rows is 0"):
        iterate_chunks(csv("a\n1\n"), {"a": N}, chunk_rows=0)


def test_originals_come_as_they_are_written_beside_the_typed_rows(csv):
    source = csv("n,t\n1.50,NA\n,007\n2,x\n")
    pairs = list(iterate_with_originals(source, {"n": N}, chunk_rows=2))
    assert [original.to_csv(index=False) for original, _ in pairs] == ["n,t\n1.50,NA\n,007\n", "n,t\n2,x\n"]
    assert_frame_equal(pd.concat([frame for _, frame in pairs]), read_frame(source, {"n": N}))
    assert all(original.index.equals(frame.index) for original, frame in pairs)


def test_originals_of_parquet_keep_their_types(parquet, tmp_path):
    table = pa.table({"i": [1, None], "d": [date(2017, 1, 1), None], "m": [Decimal("1.50"), None], "t": ["NA", None]})
    original, frame = next(iterate_with_originals(parquet(table), {"i": N}))
    assert frame["i"].tolist() == pytest.approx([1.0, np.nan], nan_ok=True)
    with ScoredWriter(tmp_path / "out.parquet") as writer:
        writer.write(original.join(frame.add_suffix("_typed")))
    back = pa.parquet.read_table(tmp_path / "out.parquet")
    assert back.select(table.column_names).equals(table)


def test_originals_need_the_columns_and_rows_too(csv):
    with pytest.raises(SchemaMismatch, match="column 'm'"):
        iterate_with_originals(csv("n\n1\n"), {"m": N})
    with pytest.raises(UnreadableFile, match="no rows"):
        list(iterate_with_originals(csv("n\n"), {"n": N}))


def test_no_column_at_all_still_has_the_rows(csv):
    assert read_frame(csv("a\n1\n2\n"), {}).shape == (2, 0)
