from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import NotFound, SchemaMismatch, UnreadableFile
from governance.project_file import Project, load_project
from tasks.data.fingerprint import fingerprint
from tasks.data.sources import Source, natural_order, parts, read_header, resolve_data

PROJECT = """\
project: house
data:
  training: {path: train.csv, separator: ";"}
  monthly: {path: "monthly/sales_*.csv"}
  tabbed: {path: rows.tsv}
  odd: {path: rows.dat}
  named: {path: rows.txt, format: csv}
  absent: {path: "nowhere/*.csv"}
models:
  m: {target: y, prediction_type: binary}
"""


@pytest.fixture
def project(tmp_path) -> Project:
    (tmp_path / "project.yaml").write_text(PROJECT)
    (tmp_path / "monthly").mkdir()
    for part in ("2017_9", "2017_10", "2016_12"):
        (tmp_path / "monthly" / f"sales_{part}.csv").write_text("a\n1\n")
    (tmp_path / "monthly" / ".sales_2018_1.csv").write_text("half-written")
    (tmp_path / "train.csv").write_text("a;b\n1;2\n")
    return load_project(tmp_path)


def test_a_series_without_part_means_its_last_part_in_natural_order(project):
    assert parts(project, "monthly") == ["2016_12", "2017_9", "2017_10"]
    assert resolve_data(project, None, "monthly").name == "monthly:2017_10"
    assert resolve_data(project, "monthly:latest", "training").name == "monthly:2017_10"


def test_a_part_is_what_the_star_stands_for(project, tmp_path):
    found = resolve_data(project, "monthly:2017_9", "training")
    assert found == Source("monthly:2017_9", tmp_path / "monthly/sales_2017_9.csv", "csv", ",")


def test_a_single_file_has_no_parts(project):
    assert parts(project, "training") == []
    assert resolve_data(project, "training", "monthly").separator == ";"
    with pytest.raises(NotFound, match="single file"):
        resolve_data(project, "training:2017_9", "monthly")


def test_a_path_is_absolute_or_relative_to_the_current_folder_or_to_the_project(project, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "here.parquet").write_bytes(b"x")
    monkeypatch.chdir(elsewhere)
    assert resolve_data(project, "here.parquet", "training").format == "parquet"
    assert resolve_data(project, str(elsewhere / "here.parquet"), "training").name == str(elsewhere / "here.parquet")
    assert resolve_data(project, "elsewhere/here.parquet", "training").path == tmp_path / "elsewhere/here.parquet"


def test_a_path_to_a_declared_file_is_that_source_with_its_separator(project):
    assert resolve_data(project, "train.csv", "monthly") == resolve_data(project, "training", "monthly")
    assert resolve_data(project, "monthly/sales_2017_9.csv", "training").name == "monthly:2017_9"


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("monthyl", r"no data source 'monthyl' \(known: absent, monthly, named, odd, tabbed, training\)"),
        ("nowhere.csv", r"no data source 'nowhere.csv'"),
        ("monthly:2019_1", r"no part 'monthly:2019_1' \(known: 2016_12, 2017_9, 2017_10\); .*monthly:latest"),
        ("absent", r"no file of the series 'absent'; put one where 'nowhere/\*.csv' in"),
    ],
)
def test_what_nothing_answers_to_is_named_with_what_is_known(project, reference, sentence):
    with pytest.raises(NotFound, match=sentence):
        resolve_data(project, reference, "training")


def test_parts_of_an_unknown_source_are_not_found(project):
    with pytest.raises(NotFound, match="'nothing'"):
        parts(project, "nothing")


def test_the_ending_tells_the_format_unless_the_project_does(project, tmp_path):
    assert resolve_data(project, "tabbed", "training").separator == "\t"
    assert resolve_data(project, "named", "training").format == "csv"
    with pytest.raises(UnreadableFile, match=r"rows.dat: its ending '.dat' tells no format; set data.odd.format"):
        resolve_data(project, "odd", "training")
    (tmp_path / "notes.doc").write_text("x")
    with pytest.raises(UnreadableFile, match="declare it under data with a format"):
        resolve_data(project, "notes.doc", "training")


@given(st.lists(st.text(max_size=8)))
def test_natural_order_orders_every_text(names):
    assert sorted(sorted(names, reverse=True), key=natural_order) == sorted(names, key=natural_order)


def test_an_absent_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(UnreadableFile, match=r"gone.csv: there is no such file; "):
        read_header(Source("gone", tmp_path / "gone.csv", "csv"))
    with pytest.raises(UnreadableFile, match="it is a folder"):
        read_header(Source("folder", tmp_path, "csv"))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(csv, content):
    with pytest.raises(UnreadableFile, match="it is empty"):
        read_header(csv(content))


def test_an_empty_parquet_file_is_refused(tmp_path):
    path = tmp_path / "empty.parquet"
    path.touch()
    with pytest.raises(UnreadableFile, match="it is empty"):
        read_header(Source("empty", path, "parquet"))


def test_a_byte_order_mark_is_no_part_of_the_first_name(csv):
    assert read_header(csv('\ufeff"a",b\n1,2\n')) == ["a", "b"]


def test_a_header_may_have_line_ends_in_quotes(csv):
    assert read_header(csv('\n"a\nb",c\n1,2\n')) == ["a\nb", "c"]


def test_a_doubled_column_is_refused(csv, parquet):
    with pytest.raises(SchemaMismatch, match=r"column 'a': 2 columns have this name; rename or remove"):
        read_header(csv("a,b,a\n1,2,3\n"))
    doubled = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(SchemaMismatch, match="2 columns have this name"):
        read_header(parquet(doubled))


def test_a_truncated_parquet_file_is_refused(parquet):
    source = parquet(a=pa.array(range(1000)))
    source.path.write_bytes(source.path.read_bytes()[:-20])
    with pytest.raises(UnreadableFile, match="it is truncated, damaged or not Parquet"):
        read_header(source)


def test_text_in_another_encoding_is_refused_with_the_place(csv):
    with pytest.raises(UnreadableFile, match=r"not UTF-8: byte 8 \(0xfc\) in line 3; save it as UTF-8"):
        read_header(csv(b"a,b\n1,2\nM\xfcller,3\n".replace(b"1,2\nM", b"1,\nM")))


def test_a_fingerprint_is_the_hash_of_the_bytes(csv, tmp_path):
    source = csv("a\n1\n")
    assert fingerprint(source) == hashlib.sha256(b"a\n1\n").hexdigest()
    with pytest.raises(UnreadableFile):
        fingerprint(Source("gone", tmp_path / "gone", "csv"))
