from __future__ import annotations

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from governance.errors import NotFound, UnreadableFile
from governance.vocabulary import Handling
from tasks.data.reading import read_frame
from tasks.data.sources import Source
from tasks.data.writing import ScoredWriter

COLUMNS = {"n": Handling.NUMERICAL, "c": Handling.CATEGORICAL, "d": Handling.DATE}


def frames() -> list[pd.DataFrame]:
    days = pd.Series(["2017-06-30", None, "2017-06-30T01:02:03.5+02:00"])
    frame = pd.DataFrame(
        {
            "n": [1.1, None, 3e-9],
            "c": pd.Series([None, 'a, "b"\nc', "ü"], dtype="str"),
            "d": pd.to_datetime(days, utc=True, format="ISO8601").astype("datetime64[us, UTC]"),
        }
    )
    return [frame.iloc[[0]], frame.iloc[[1, 2]]]


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_what_is_written_in_chunks_reads_back_equal(tmp_path, ending):
    path = tmp_path / f"scored.{ending}"
    with ScoredWriter(path) as writer:
        for frame in frames():
            writer.write(frame)
            assert not path.exists()
    assert writer.rows == 3
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    source = Source("scored", path, "parquet" if ending == "parquet" else "csv", "\t" if ending == "tsv" else ",")
    assert_frame_equal(read_frame(source, COLUMNS), pd.concat(frames()))


def test_a_first_chunk_without_any_value_does_not_decide_the_type(tmp_path):
    with ScoredWriter(tmp_path / "scored.parquet") as writer:
        writer.write(pd.DataFrame({"c": pd.Series([None], dtype=object)}))
        writer.write(pd.DataFrame({"c": ["a"]}))
    frame = read_frame(Source("scored", tmp_path / "scored.parquet", "parquet"), {"c": Handling.CATEGORICAL})
    assert frame["c"].tolist()[1] == "a"


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_after_an_exception_nothing_remains_and_the_old_file_is_as_it_was(tmp_path, ending):
    path = tmp_path / f"scored.{ending}"
    path.write_text("old")

    def die() -> None:
        with ScoredWriter(path) as writer:
            writer.write(frames()[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "old"


def test_a_frame_with_other_columns_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the frame has the columns"), ScoredWriter(tmp_path / "x.csv") as writer:
        writer.write(frames()[0])
        writer.write(frames()[1][["n"]])
    assert list(tmp_path.iterdir()) == []


def test_without_frames_there_is_no_file(tmp_path):
    with ScoredWriter(tmp_path / "x.parquet"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_is_told_at_once(tmp_path):
    with pytest.raises(NotFound, match="make it first"):
        ScoredWriter(tmp_path / "gone" / "x.csv")
    with pytest.raises(UnreadableFile, match="tells no format"):
        ScoredWriter(tmp_path / "x.doc")
    writer = ScoredWriter(tmp_path / "x.doc", "csv")
    with pytest.raises(ValueError, match="inside of 'with'"):
        writer.write(frames()[0])
