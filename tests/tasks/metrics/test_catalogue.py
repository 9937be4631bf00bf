"""Names that hold a column, a segment, a group or a name of the user's."""

from __future__ import annotations

import pytest

from governance.errors import NotFound
from tasks.metrics.catalogue import FAIRNESS_MEASURES, FAIRNESS_RATES, METRICS, SEGMENTS, info, is_of_part


@pytest.mark.parametrize("metric", [
    *METRICS, *SEGMENTS, "accuracy_drift", "roc_auc_difference", "roc_auc_difference_p_value", "roc_auc_drift_p_value",
])  # fmt: skip
@pytest.mark.parametrize("segment", ["region.north", "a.b.c", "n.0.5 to 0.75", "column.", "line\nbreak.x"])
def test_segments(segment, metric):
    found = info(f"segment.{segment}.{metric}")
    assert found.name == f"segment.{segment}.{metric}"
    assert found.title.startswith(f"{segment}: ")
    assert is_of_part(found.name)


@pytest.mark.parametrize(("name", "title", "higher"), [
    ("segment.region.north.log_loss", "region.north: Log loss", False),
    ("segment.region.north.log_loss_difference", "region.north: Log loss, difference to the other rows", False),
    ("segment.region.north.log_loss_difference_p_value",
     "region.north: Log loss, difference to the other rows, p-value", True),
    ("segment.region.north.prediction_drift.psi", "region.north: Prediction drift, PSI", False),
    ("fairness.sex.demographic_parity_ratio", "sex: demographic parity, smallest ratio of two groups", True),
    ("fairness.sex.equalized_odds_difference", "sex: equalized odds, largest difference of two groups", False),
    ("fairness.sex.f.selection_rate", "sex = f: selection rate", None),
    ("column_drift.a.b.evidently_ks", "a.b: Evidently's ks", None),
    ("custom.profit_drift", "profit, change", None),
])  # fmt: skip
def test_titles_and_which_end_is_good(name, title, higher):
    assert (info(name).title, info(name).higher_is_better) == (title, higher)


@pytest.mark.parametrize("measure", FAIRNESS_MEASURES)
def test_fairness_of_all_groups_is_of_the_whole(measure):
    assert info(f"fairness.sex.{measure}").name == f"fairness.sex.{measure}"
    assert not is_of_part(f"fairness.sex.{measure}")


@pytest.mark.parametrize("rate", FAIRNESS_RATES)
def test_fairness_of_a_group_is_of_a_part(rate):
    assert info(f"fairness.sex.no.answer.{rate}").unit == "share"
    assert is_of_part(f"fairness.sex.f.{rate}")


def test_custom_metrics_are_of_the_whole():
    assert not is_of_part("custom.profit")


@pytest.mark.parametrize("name", [
    "segment.accuracy", "segment.region.accuracy", "segment..north.accuracy", "segment.region.north.rows",
    "segment.region.north.data_drift_drift", "fairness.sex", "fairness.selection_rate", "fairness.sex.selection_rate",
    "fairness.demographic_parity_ratio", "custom.", "column_drift.psi", "column_drift..psi", "column_drift.a.evidently_",
    "column_drift.a.evidently_KS", "fugacity.current", "unknown.a.b",
])  # fmt: skip
def test_what_no_one_measures_is_refused(name):
    with pytest.raises(NotFound, match=r"segment\.<column>\.<value>\.<metric>"):
        info(name)
