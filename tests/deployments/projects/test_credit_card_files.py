"""The files of the tutorial: what is in them, and how they come to be there."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from deployments.projects.credit_card_fraud.files import MARKER
from deployments.projects.credit_card_fraud.generate import ensure, generate, main
from deployments.projects.credit_card_fraud.purchases import great_circle_km
from deployments.projects.credit_card_fraud.recipe import PERIODS, TAKEN_OVER_PROGRAM
from governance.errors import UnreadableFile

COLUMNS = [
    "transaction_id",
    "purchase_date",
    "card_id",
    "merchant_id",
    "merchant_category_id",
    "item_category",
    "purchase_amount",
    "signature_provided",
    "merchant_subsector_description",
    "merchant_cardholder_distance",
    "card_fico_score",
    "card_age",
    "card_reward_program",
    "card_days_active",
    "card_latitude",
    "card_longitude",
    "merchant_latitude",
    "merchant_longitude",
    "authorized_flag",
]
COORDINATES = ["card_latitude", "card_longitude", "merchant_latitude", "merchant_longitude"]
FEW = 200


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], float, list[tuple[str, float]]]:
    said: list[tuple[str, float]] = []
    began = time.process_time()
    paths = generate(tmp_path_factory.mktemp("tutorial"), progress=lambda name, share: said.append((name, share)))
    return paths, time.process_time() - began, said


@pytest.fixture(scope="module")
def year(made) -> dict[str, pd.DataFrame]:
    dates = ["purchase_date"]
    return {p.name: pd.read_csv(path, parse_dates=dates) for p, path in zip(PERIODS, made[0], strict=True)}


def test_all_ten_files_are_made_in_less_than_eight_seconds_of_work(made):
    paths, seconds, said = made
    assert [path.name for path in paths] == [period.file for period in PERIODS]
    assert seconds < 8
    assert said == [(p.file, pytest.approx(n / 10)) for n, p in enumerate(PERIODS, start=1)]


def test_the_series_of_months_does_not_match_the_training_file(made):
    folder = made[0][0].parent
    found = sorted(path.name for path in folder.glob("transactions_prepared_2017_*.csv"))
    assert found == [f"transactions_prepared_2017_{month:02d}.csv" for month in range(4, 13)]


def test_every_file_has_the_columns_the_rows_and_the_months_it_should(year):
    for period in PERIODS:
        frame = year[period.name]
        assert list(frame.columns) == COLUMNS
        assert len(frame) == period.rows()
        months = set(range(period.first_month, period.first_month + period.months))
        assert set(frame["purchase_date"].dt.month) == months
        assert str(frame["purchase_date"].dt.tz) == "UTC"
        assert frame["purchase_date"].is_monotonic_increasing
    assert len(year["2017_q1"]) == 60_000
    assert all(19_000 < len(year[p.name]) < 23_000 for p in PERIODS[1:])
    assert len({p.volume for p in PERIODS}) == len(PERIODS)


def test_values_are_of_their_kind_and_in_their_range(year):
    frame = pd.concat(year.values())
    assert frame["transaction_id"].is_unique
    assert frame["purchase_amount"].min() >= 0.5
    assert frame["card_fico_score"].dropna().between(300, 850).all()
    assert frame["card_days_active"].between(1, 365).all()
    assert set(frame["authorized_flag"]) == set(frame["signature_provided"]) == {0, 1}
    assert set(frame["card_reward_program"]) == {"basic", "points", "cashback", "miles", TAKEN_OVER_PROGRAM}
    online = frame["item_category"].isin(["digital", "gambling"])
    assert frame.loc[online, "signature_provided"].eq(0).all()


def test_only_scores_and_subsectors_are_missing_and_as_often_as_the_readme_says(year):
    for frame in year.values():
        missing = frame.isna().mean()
        assert set(missing[missing > 0].index) == {"card_fico_score", "merchant_subsector_description"}
        assert missing["card_fico_score"] == pytest.approx(0.03, abs=0.006)
        assert missing["merchant_subsector_description"] == pytest.approx(0.02, abs=0.006)


def test_the_distance_is_the_great_circle_of_the_coordinates(year):
    frame = year["2017_07"]
    computed = great_circle_km(*(frame[c].to_numpy() for c in COORDINATES))
    assert np.abs(computed - frame["merchant_cardholder_distance"]).max() <= 0.0006


@pytest.mark.parametrize(
    ("here", "there", "km"),
    [
        # London to Paris and New York to Los Angeles, as geographiclib puts them on a sphere of this radius.
        ((51.5074, -0.1278), (48.8566, 2.3522), 343.6),
        ((40.7128, -74.0060), (34.0522, -118.2437), 3935.8),
        ((10.0, 20.0), (10.0, 20.0), 0.0),
        ((90.0, 0.0), (-90.0, 77.0), 20015.1),
    ],
)
def test_known_distances_come_out(here, there, km):
    points = [np.array([v]) for v in (*here, *there)]
    assert great_circle_km(*points)[0] == pytest.approx(km, abs=0.1)


def test_a_card_and_a_merchant_stay_what_they_are_all_year(year):
    frame = pd.concat(year.values())
    of_cards = frame.groupby("card_id")[
        ["card_fico_score", "card_age", "card_reward_program", "card_latitude", "card_longitude"]
    ].nunique()
    of_merchants = frame.groupby("merchant_id")[
        ["merchant_category_id", "merchant_subsector_description", "merchant_latitude", "merchant_longitude"]
    ].nunique()
    assert of_cards.max().max() == of_merchants.max().max() == 1
    spread = frame.groupby("card_id")["card_days_active"].std().median()
    assert spread < frame["card_days_active"].std() / 3


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    one, two, other = (
        generate(tmp_path / name, seed=seed, rows_per_month=FEW) for name, seed in (("1", 7), ("2", 7), ("3", 8))
    )
    for first, second, third in zip(one, two, other, strict=True):
        assert first.read_bytes() == second.read_bytes() != third.read_bytes()


def test_what_is_right_already_is_left_alone_and_only_the_rest_is_made_anew(tmp_path):
    paths = ensure(tmp_path, rows_per_month=FEW)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in paths}
    said: list[str] = []

    assert ensure(tmp_path, rows_per_month=FEW, progress=lambda name, _: said.append(name)) == paths
    assert said == []
    paths[2].write_text("changed by hand")
    paths[5].unlink()
    assert ensure(tmp_path, rows_per_month=FEW, progress=lambda name, _: said.append(name)) == paths

    assert said == [paths[2].name, paths[5].name]
    for path in paths:
        content, moment, inode = before[path]
        assert path.read_bytes() == content
        if path.name not in said:
            assert (path.stat().st_mtime_ns, path.stat().st_ino) == (moment, inode)


@pytest.mark.parametrize("marker", ["", "[]", "{}", '{"code": "?", "seed": 2017, "rows_per_month": 200, "files": {}}'])
def test_files_that_no_marker_vouches_for_are_made_anew(tmp_path, marker):
    paths = ensure(tmp_path, rows_per_month=FEW)
    (tmp_path / MARKER).write_text(marker)
    paths[0].write_text("from elsewhere")
    ensure(tmp_path, rows_per_month=FEW)
    assert paths[0].read_text().startswith("transaction_id,")


def test_another_number_of_rows_makes_all_files_anew(tmp_path):
    ensure(tmp_path, rows_per_month=FEW)
    paths = ensure(tmp_path, rows_per_month=2 * FEW)
    assert len(pd.read_csv(paths[0])) == 6 * FEW


def test_a_run_that_dies_leaves_whole_files_only(tmp_path):
    def die(name: str, share: float) -> None:
        if share > 0.25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, rows_per_month=FEW, progress=die)
    assert sorted(path.name for path in tmp_path.iterdir()) == [period.file for period in PERIODS[:3]]
    for period in PERIODS[:3]:
        assert len(pd.read_csv(tmp_path / period.file)) == period.rows(FEW)


def test_a_folder_that_is_a_file_is_refused_with_a_sentence(tmp_path, capsys):
    file = tmp_path / "data"
    file.write_text("mine")
    with pytest.raises(UnreadableFile, match="name another folder"):
        ensure(file, rows_per_month=FEW)
    assert main([str(file), "--rows-per-month", str(FEW)]) == 1
    assert "can't be written to" in capsys.readouterr().err
    assert file.read_text() == "mine"


def test_the_command_makes_the_files_and_names_them(tmp_path):
    command = [sys.executable, "-m", "deployments.projects.credit_card_fraud.generate", str(tmp_path)]
    done = subprocess.run([*command, "--rows-per-month", "50"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(tmp_path / period.file) for period in PERIODS]


@pytest.mark.parametrize("arguments", [["--rows-per-month", "0"], ["--seed", "-1"], ["somewhere", "--truth"]])
def test_the_command_refuses_what_makes_no_sense(arguments, capsys):
    with pytest.raises(SystemExit) as refusal:
        main(arguments)
    assert refusal.value.code == 2
    assert capsys.readouterr().err
