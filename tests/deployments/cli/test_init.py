"""``driftgate init`` decides well, says why, and writes what works."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from governance.project_file import load_project
from governance.vocabulary import PredictionType
from tasks.data.inference import infer_schema
from tasks.data.reading import read_frame
from tasks.data.sources import parts, resolve_data
from tasks.learning.prediction import output_columns
from tasks.learning.split import split_rows
from tasks.learning.thresholds import FEWEST_ROWS_OF_CLASS

ROWS = 400


@pytest.fixture
def frame() -> pd.DataFrame:
    random = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "id": np.arange(ROWS),
            "when": pd.date_range("2024-01-01", periods=ROWS, freq="h").astype(str),
            "amount": random.gamma(2, 50, ROWS).round(2),
            "kind": random.choice(["a", "b", "c"], ROWS),
            "note": [f"some long free text about the case with number {n}" for n in range(ROWS)],
            "same": 1,
            "nothing": np.nan,
            "repaid": random.choice(["yes", "no"], ROWS),
            "grade": random.integers(1, 6, ROWS),
            "price": random.normal(100, 20, ROWS),
        }
    )


@pytest.fixture
def data(frame: pd.DataFrame, home: Path) -> Path:
    frame.to_csv(home / "loans.csv", index=False)
    return home / "loans.csv"


def test_what_is_written_is_right_and_can_be_trained_on(driftgate, data: Path) -> None:
    found = driftgate("init", data, "--target", "repaid", "--json").document
    roles = {column["name"]: column["role"] for column in found["columns"]}
    assert roles == {
        "id": "excluded", "when": "time", "amount": "feature", "kind": "feature", "note": "excluded",
        "same": "excluded", "nothing": "excluded", "repaid": "target", "grade": "feature", "price": "feature",
    }  # fmt: skip
    assert driftgate("project", "validate").code == 0
    project = load_project("project.yaml")
    _, model = project.model()
    schema = infer_schema(resolve_data(project, None, "training"), "repaid", model)
    assert schema.feature_names == ["amount", "kind", "grade", "price"]
    assert set(project.stores) == {"mes_for_ground_truth", "mes_for_input_drift"}
    assert {name: place.policy for name, place in project.environments.items()} == {"dev": "always", "prod": "prevent"}
    assert project.people.writers == project.people.final_approvers == project.people.reviewers["business"] == ["ada"]
    assert [step.kind for step in project.scenario()[1].steps] == ["build_evaluation", "run_checks", "train"]


def test_its_checks_ask_how_far_the_data_have_moved_and_whether_that_is_chance(driftgate, data: Path) -> None:
    driftgate("init", data, "--target", "repaid")
    far, chance = load_project("project.yaml").stores["mes_for_input_drift"].checks
    assert (far.metric, far.soft_maximum, far.maximum) == ("data_drift", 0.6, 0.75)
    rates = load_project("project.yaml").stores["mes_for_input_drift"].drift.false_alarm_rate
    assert chance.metric == "columns_p_value"
    assert (chance.minimum, chance.soft_minimum) == (rates.error, rates.warning)
    assert "check" not in " ".join(driftgate("project", "validate", "--json").document["warnings"])


def test_the_reason_for_leaving_a_column_out_stands_beside_it(driftgate, data: Path) -> None:
    driftgate("init", data, "--target", "repaid")
    text = Path("project.yaml").read_text()
    assert "- same # constant" in text
    assert "- nothing # all values are missing" in text
    assert "- note # free text" in text


@pytest.mark.parametrize(
    ("target", "kind"),
    [("repaid", PredictionType.BINARY), ("kind", PredictionType.MULTICLASS), ("grade", PredictionType.MULTICLASS),
     ("price", PredictionType.REGRESSION), ("id", PredictionType.REGRESSION)],
)  # fmt: skip
def test_the_prediction_type_follows_from_the_target(driftgate, data: Path, target: str, kind: PredictionType) -> None:
    assert driftgate("init", data, "--target", target, "--json").document["prediction_type"] == kind


def test_people_see_what_was_decided_and_what_to_do_next(driftgate, data: Path) -> None:
    words = driftgate("init", data, "--target", "repaid", "--project-folder", "watch").words
    assert "constant" in words
    assert "driftgate train --project watch" in words
    assert load_project("watch").data["training"].path == "../loans.csv"


def test_a_project_that_is_there_is_not_overwritten_unless_asked_for(driftgate, data: Path) -> None:
    driftgate("init", data, "--target", "repaid")
    Path("project.yaml").write_text("mine")
    done = driftgate("init", data, "--target", "repaid")
    assert done.code == 2
    assert "--force" in done.words
    assert Path("project.yaml").read_text() == "mine"
    assert driftgate("init", data, "--target", "repaid", "--force").code == 0
    assert load_project("project.yaml").project == "loans"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--target", "repayed"], 1, "nearest is 'repaid'"),
        (["--target", "same"], 1, "all labels are the same"),
        (["--target", "nothing"], 1, "no row has a label"),
        (["--target", "note"], 1, "holds no labels"),
        (["--target", "repaid", "--time-column", "kind"], 1, "holds no dates"),
        (["--target", "repaid", "--time-column", "date"], 1, "no such column"),
        (["--target", "repaid", "--name", "Big Name"], 2, "is not a name"),
        ([], 2, "--target"),
    ],
)
def test_what_can_not_be_meant_is_refused_and_nothing_is_written(
    driftgate, data: Path, arguments: list[str], code: int, sentence: str
) -> None:
    done = driftgate("init", data, *arguments, "--json")
    assert done.code == code
    assert sentence in done.document["error"]["message"]
    assert not Path("project.yaml").exists()


@pytest.mark.parametrize(
    ("name", "content"), [("absent.csv", None), ("empty.csv", b""), ("data.xlsx", b"x"), ("bad.csv", b"a,b\n\xff,1\n")]
)
def test_a_file_that_can_not_be_read_is_a_sentence(driftgate, home: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (home / name).write_bytes(content)
    done = driftgate("init", name, "--target", "b", "--json")
    assert done.code == 1
    assert done.document["error"]["type"] == "UnreadableFile"


def test_parquet_and_other_separators_work_too(driftgate, frame: pd.DataFrame, home: Path) -> None:
    frame.to_parquet(home / "loans.parquet")
    assert driftgate("init", "loans.parquet", "--target", "price").code == 0
    frame.to_csv(home / "loans.csv", sep=";", index=False)
    assert driftgate("init", "loans.csv", "--target", "price", "--force").code == 0
    assert load_project("project.yaml").data["training"].separator == ";"


def test_files_that_differ_in_their_numbers_only_become_a_series(driftgate, frame: pd.DataFrame, home: Path) -> None:
    for month in ("2024_01", "2024_02", "2024_03"):
        frame.to_csv(home / f"loans_{month}.csv", index=False)
    driftgate("init", "loans_2024_01.csv", "--target", "repaid")
    project = load_project("project.yaml")
    assert parts(project, "current") == ["2024_01", "2024_02", "2024_03"]


def test_files_that_differ_in_words_are_no_series(driftgate, data: Path, home: Path) -> None:
    (home / "loans_1.csv").write_bytes(data.read_bytes())
    (home / "loans_1_old.csv").write_bytes(data.read_bytes())
    driftgate("init", "loans_1.csv", "--target", "repaid")
    assert load_project("project.yaml").data["current"].path == "loans_1.csv"


NASTY = [
    "no",
    "yes: really",
    "# not a comment",
    "- dash",
    "'quoted\"",
    "ümläut",
    "a,b",
    "1",
    "true",
    "{x}",
    "two\nlines",
    "*star",
    " space ",
]


def test_names_that_mean_something_in_yaml_survive(driftgate, frame: pd.DataFrame, home: Path) -> None:
    odd = frame[["amount", "kind", "repaid"]].copy()
    for name in NASTY:
        odd[name] = "constant # value: x"
    odd["true"] = frame["repaid"]
    odd.to_parquet(home / "odd: data #1.parquet")
    assert driftgate("init", "odd: data #1.parquet", "--target", "true").code == 0
    project = load_project("project.yaml")
    assert project.project == "odd_data_1"
    _, model = project.model()
    assert model.target == "true"
    assert model.features.exclude == [name for name in NASTY if name != "true"]
    assert yaml.safe_load(Path("project.yaml").read_text())["project"] == "odd_data_1"


def test_a_column_with_a_stray_value_is_left_out_until_it_is_mended(driftgate, frame: pd.DataFrame, home: Path) -> None:
    spoilt = frame.astype({"amount": object})
    spoilt.loc[9, "amount"] = "n/k"
    spoilt.to_csv(home / "loans.csv", index=False)
    found = driftgate("init", "loans.csv", "--target", "repaid", "--json").document
    (amount,) = [column for column in found["columns"] if column["name"] == "amount"]
    assert amount["role"] == "excluded"
    assert "row 10" in amount["reason"]


def test_a_file_without_a_feature_is_refused(driftgate, frame: pd.DataFrame, home: Path) -> None:
    frame[["id", "same", "repaid"]].to_csv(home / "loans.csv", index=False)
    done = driftgate("init", "loans.csv", "--target", "repaid")
    assert done.code == 1
    assert "no column" in done.words


def test_columns_that_are_named_as_outputs_of_the_model_are_left_out(
    driftgate, frame: pd.DataFrame, home: Path
) -> None:
    earlier = frame["repaid"].sample(frac=1, random_state=1).to_numpy()
    frame.assign(prediction=earlier, proba_yes=frame["price"] / 200).to_csv(home / "loans.csv", index=False)
    found = driftgate("init", "loans.csv", "--target", "repaid", "--json").document
    reasons = {column["name"]: column["reason"] for column in found["columns"] if column["role"] == "excluded"}
    assert reasons["prediction"] == reasons["proba_yes"] == "named as an output of the model"
    project = load_project("project.yaml")
    schema = infer_schema(resolve_data(project, None, "training"), "repaid", project.model()[1])
    assert not {*schema.feature_names} & {*output_columns(schema)}
    refused = driftgate("init", "loans.csv", "--target", "prediction", "--force")
    assert refused.code == 1
    assert "named as an output of the model; rename it" in refused.words


def test_durations_and_dates_that_are_not_iso_are_left_out_with_a_remedy(
    driftgate, frame: pd.DataFrame, home: Path
) -> None:
    odd = frame.assign(took=pd.to_timedelta(frame["grade"], unit="h"), day="31/12/2024").astype({"day": object})
    odd.loc[::2, "day"] = "1/2/2025"
    odd.to_parquet(home / "loans.parquet")
    driftgate("init", "loans.parquet", "--target", "repaid")
    text = Path("project.yaml").read_text()
    assert "- took # durations" in text
    assert "- day # dates not in ISO form: write them as 2024-12-31" in text.replace("'", "")
    refused = driftgate("init", "loans.parquet", "--target", "repaid", "--time-column", "day", "--force")
    assert "it holds no dates (dates not in ISO form: write them as 2024-12-31)" in refused.words


@pytest.mark.parametrize(("rare", "threshold"), [(11, 0.5), (13, "max_f1")])
def test_a_threshold_is_chosen_only_where_the_rarest_class_has_the_rows_for_it(
    driftgate, frame: pd.DataFrame, home: Path, rare: int, threshold: float | str
) -> None:
    frame["repaid"] = ["no"] * rare + ["yes"] * (ROWS - rare)
    frame.to_csv(home / "loans.csv", index=False)
    assert driftgate("init", "loans.csv", "--target", "repaid").code == 0
    project = load_project("project.yaml")
    name, model = project.model()
    assert model.threshold == threshold
    source = resolve_data(project, None, "training")
    schema = infer_schema(source, name, model)
    labels = read_frame(source, schema.columns_to_read())["repaid"]
    train, _ = split_rows(labels.to_frame(), labels, None, model.split, stratify=True)
    enough = labels.iloc[train].value_counts().min() >= FEWEST_ROWS_OF_CLASS
    assert bool(enough) is (threshold == "max_f1")


@pytest.mark.parametrize("target", ["repaid", "price"])
def test_fewer_rows_than_training_needs_are_refused(driftgate, frame: pd.DataFrame, home: Path, target: str) -> None:
    frame.head(19).to_csv(home / "loans.csv", index=False)
    done = driftgate("init", "loans.csv", "--target", target)
    assert done.code == 1
    assert "19 rows with a label, fewer than the 20 that training needs" in done.words
    assert not Path("project.yaml").exists()


def test_classes_too_small_to_fit_on_are_refused(driftgate, frame: pd.DataFrame, home: Path) -> None:
    frame.head(40).assign(shop=[f"s{n // 3}" for n in range(40)]).to_csv(home / "loans.csv", index=False)
    done = driftgate("init", "loans.csv", "--target", "shop")
    assert done.code == 1
    assert "fewer than 5 rows to fit on" in done.words
