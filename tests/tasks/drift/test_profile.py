"""The profile keeps all that an evaluation needs of the reference, as bytes that are always the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from governance.errors import SchemaMismatch
from governance.project_file.watched import FalseAlarmRate
from governance.vocabulary import Handling, PredictionType
from tasks.data.schema import Column, Schema
from tasks.drift.columns import measure_columns
from tasks.drift.profile import Problem, fit_profile, with_handling
from tasks.drift.profile_file import profile_from_bytes, profile_to_bytes
from tasks.drift.scan import scan_frame
from tasks.drift.summary import columns_p_value, promise, table_of

NUMERICAL, CATEGORICAL, IGNORED = Handling.NUMERICAL, Handling.CATEGORICAL, Handling.IGNORED
SCHEMA = Schema(
    (Column("a", NUMERICAL), Column("b", CATEGORICAL), Column("broken", NUMERICAL)), "y", PredictionType.BINARY,
    ("no", "yes"), None, {"b": ("x", "y", "seen in training")},
)  # fmt: skip


def frame(seed, rows=1_000, shift=0.0):
    random = np.random.default_rng(seed)
    return pd.DataFrame({
        "a": random.normal(shift, 1, rows), "b": pd.Series(random.choice(["x", "y"], rows), dtype="str"),
        "broken": pd.Series(["?"] * rows, dtype="str"),
        "prediction": pd.Series(random.choice(["no", "yes"], rows), dtype="str"), "proba_yes": random.random(rows),
    })  # fmt: skip


@pytest.fixture(scope="module")
def profile():
    return fit_profile(frame(1), SCHEMA)


def test_a_profile_survives_its_bytes_and_says_the_same_afterwards(profile):
    content = profile_to_bytes(profile)
    again = profile_from_bytes(content)
    assert profile_to_bytes(again) == content
    assert profile_to_bytes(fit_profile(frame(1), SCHEMA)) == content
    current = frame(2, 300, 0.5)
    here, there = (
        [table_of(c) for c in measure_columns(p, scan_frame(p, current), FalseAlarmRate())] for p in (profile, again)
    )
    assert here == there
    assert list(again.columns) == ["a", "b", "broken"]
    assert list(again.predictions) == ["prediction", "proba_yes"]
    assert isinstance(again.columns["broken"], Problem)


def test_what_is_no_profile_is_refused():
    for content in (b"", b"PK", b"{}"):
        with pytest.raises(ValueError, match="no reference profile"):
            profile_from_bytes(content)


def test_what_is_broken_within_is_refused_likewise(profile):
    from io import BytesIO

    content = profile_to_bytes(profile)

    def with_header(header):
        with np.load(BytesIO(content)) as file:
            arrays = dict(file)
        changed = BytesIO()
        np.savez(changed, **arrays | {"header": np.frombuffer(header, dtype=np.uint8)})
        return changed.getvalue()

    middle = len(content) // 2
    altered = content[:middle] + bytes(byte ^ 255 for byte in content[middle : middle + 99]) + content[middle + 99 :]
    for broken in (
        content[:middle],
        altered,
        b"PK\x03\x04" + b"0" * 99,
        *map(with_header, (b"{}", b"[]", b"{", b'{"format": 1}')),
    ):
        with pytest.raises(ValueError, match="no reference profile"):
            profile_from_bytes(broken)
    with pytest.raises(ValueError, match="has format 2, and 1 is known"):
        profile_from_bytes(with_header(b'{"format": 2}'))


def test_levels_are_ordered_by_frequency_and_training_s_come_last(profile):
    levels = profile.columns["b"]
    assert levels.levels[-1] == "seen in training"
    assert levels.counts.tolist() == sorted(levels.counts.tolist(), reverse=True)


def test_the_null_distribution_calibrates_columns_and_the_whole(profile):
    rate = FalseAlarmRate()
    for shift, alarms in ((0.0, False), (1.0, True)):
        current = scan_frame(profile, frame(3, 200, shift))
        columns = measure_columns(profile, current, rate)
        assert [column.calibrated for column in columns] == [True, True, False]
        whole = columns_p_value(columns, profile, current.rows)
        assert 0 < whole.value <= 1
        assert (whole.value < 0.01) == alarms
    told = promise(profile, rate, 200)
    assert told["smallest_batch"] == profile.null.smallest_batch


def test_forced_handling_is_fitted_again_and_no_longer_calibrated(profile):
    reference = frame(1)
    forced = with_handling(profile, reference, SCHEMA, {"a": Handling.CATEGORICAL, "broken": IGNORED})
    assert forced.columns["a"].handling is CATEGORICAL
    assert forced.columns["b"] is profile.columns["b"]
    assert (list(forced.columns), forced.ignored, forced.uncalibrated) == (["a", "b"], ("broken",), {"a"})
    current = scan_frame(forced, frame(2, 200))
    columns = measure_columns(forced, current, FalseAlarmRate())
    assert [column.calibrated for column in columns] == [False, True]
    assert 0 < columns_p_value(columns, forced, current.rows).value <= 1
    with pytest.raises(SchemaMismatch, match=r"drift\.handling names a column that is no feature"):
        with_handling(profile, reference, SCHEMA, {"noise": IGNORED})


def test_a_reference_without_a_feature_is_refused():
    with pytest.raises(SchemaMismatch, match="the reference, column 'a'"):
        fit_profile(frame(1).drop(columns="a"), SCHEMA, calibrate=False)


def test_progress_is_told():
    told = []
    fit_profile(frame(1, 100), SCHEMA, calibrate=False, progress=lambda what, share: told.append((what, share)))
    assert [what for what, _ in told] == ["fitting the reference profile"] * 3
    assert all(0 <= share <= 1 for _, share in told)
