"""Whatever is handed over wrongly is answered by one sentence that names it, by exit code 1 or 2, and nothing is written."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import create_engine, inspect, text

from deployments.cli import running
from deployments.cli.exit_codes import EXIT_CODES
from deployments.cli.main import run
from governance import errors
from governance.project_file import load_project
from governance.settings import settings
from tasks import edge
from tests.workplace import Driftgate, at_home

pytestmark = pytest.mark.prefect

PROJECT = """\
project: loans
data:
  training: {path: train.csv}
  current: {path: "current_*.csv"}
models:
  repayment:
    target: repaid
    prediction_type: binary
    time_column: day
    features:
      handling: {kind: categorical}
stores:
  labelled: {model: repayment}
  unlabelled: {model: repayment, performance: false}
scenarios:
  watch:
    name: Watch
    steps:
      - {name: Judge, kind: build_evaluation, store: labelled}
environments:
  dev: {policy: always}
monitored_environment: dev
"""


def loans(rows: int = 300, seed: int = 1) -> pd.DataFrame:
    """Rows as they should be."""
    random = np.random.default_rng(seed)
    amount = random.gamma(2, 50, rows).round(2)
    return pd.DataFrame(
        {
            "day": pd.date_range("2024-01-01", periods=rows, freq="h").strftime("%Y-%m-%d"),
            "amount": amount,
            "age": random.integers(18, 80, rows),
            "kind": random.choice(["car", "house", "trip"], rows),
            "repaid": np.where(amount + random.normal(0, 40, rows) > 100, "yes", "no"),
        }
    )


ROWS = loans(seed=3)


def csv(frame: pd.DataFrame, **options: Any) -> bytes:
    return frame.to_csv(index=False, **options).encode()


def parquet(frame: pd.DataFrame) -> bytes:
    return frame.to_parquet()


def with_value(column: str, row: int, value: object, rows: pd.DataFrame = ROWS) -> pd.DataFrame:
    """The rows with one value that is wrong; the row as people count it, from 1."""
    spoilt = rows.astype({column: object})
    spoilt.loc[row - 1, column] = value
    return spoilt


def with_line(number: int, line: str) -> bytes:
    """The rows as CSV, one line of it replaced; 0 is the header."""
    lines = csv(ROWS).decode().splitlines()
    lines[number] = line
    return "\n".join(lines).encode()


# A world in which one version is active. It is made once and copied for every test.


@pytest.fixture(scope="module")
def flows_are_quick(prefect_api: str) -> Iterator[None]:
    """What every command that runs a flow would set up and take down again is there for all of them."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with (
        pytest.MonkeyPatch.context() as patch,
        running.flows("Handing over what is wrong"),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        patch.setenv("PREFECT_API_URL", prefect_api)
        yield


@pytest.fixture(scope="module")
def watched(flows_are_quick: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watched")
    (folder / "project.yaml").write_text(PROJECT)
    (folder / "train.csv").write_bytes(csv(loans()))
    (folder / "current_1.csv").write_bytes(csv(loans(seed=2)))
    with at_home(folder / ".driftgate", DRIFTGATE_USER="ada"):
        assert run(["train", "--project", str(folder)]) == 0
        assert run(["version", "activate", "1", "--project", str(folder)]) == 0
    (folder / "project.yaml").unlink()  # a project has one folder; this one has moved to each of the copies
    return folder


@pytest.fixture
def place(home: Path, watched: Path) -> Path:
    """The world of this test, which is the current folder."""
    shutil.copytree(watched, home, dirs_exist_ok=True)
    (home / "project.yaml").write_text(PROJECT)
    register(home)
    return home


def register(place: Path) -> None:
    """What the file says is on record, which the first command that writes would see to."""
    with edge.known(load_project(place), edge.acting("ada")):
        pass


def everything(folder: Path) -> dict[str, object]:
    """The bytes of every file, and the rows of every table. Prefect's own logs and runs are not ours."""
    engine = create_engine(settings().database)
    with engine.connect() as connection:
        rows: dict[str, object] = {
            table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in inspect(engine).get_table_names()
        }
    engine.dispose()
    files = (file for file in folder.rglob("*") if not file.name.startswith("driftgate.db"))
    return rows | {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "folder"
        for file in files
    }


def one_sentence(message: str) -> None:
    assert message.endswith("."), message
    assert "\n" not in message, message
    assert re.search(r"[.!?] [A-Z]", message) is None, f"more than one sentence: {message}"
    assert "Traceback" not in message, message
    assert "did not foresee" not in message, message


def refused(driftgate: Driftgate, error: type[errors.DriftgateError], *command_lines: tuple[object, ...]) -> list[str]:
    """The one sentence with which each command line is refused; nothing is written.

    The first one is also refused with ``--json``, in the same words: which error it is does not depend on the flag.
    """
    before = everything(Path.cwd())
    messages = []
    for arguments in command_lines:
        done = driftgate(*arguments)
        assert done.code == EXIT_CODES[error], f"{arguments}: {done.words}"
        assert done.out == ""
        messages.append(done.err.removeprefix("✗ ").removesuffix("\n"))
        one_sentence(messages[-1])

    for_machines = driftgate(*command_lines[0], "--json")
    assert for_machines.code == EXIT_CODES[error]
    assert set(for_machines.document) == {"error"}
    assert for_machines.document["error"]["type"] == error.__name__
    assert for_machines.document["error"]["message"] == messages[0]
    assert for_machines.err == ""

    assert everything(Path.cwd()) == before
    return messages


COMMANDS: dict[str, Callable[[str], tuple[object, ...]]] = {
    "train": lambda file: ("train", "--data", file),
    "labelled": lambda file: ("evaluate", "labelled", "--data", file),
    "unlabelled": lambda file: ("evaluate", "unlabelled", "--data", file),
    "score": lambda file: ("score", file, "--output", "scored.csv"),
    "init": lambda file: ("init", file, "--target", "repaid", "--project-folder", "new"),
}
UNREADABLE, MISMATCH, NO_TARGET = errors.UnreadableFile, errors.SchemaMismatch, errors.NoUsableTarget
ALL = "train labelled unlabelled score init"
MOST = "train labelled score init"
FLOWS = "train labelled unlabelled score"
WITH_A_VERSION = "labelled unlabelled score"

BAD_FILES: list[tuple[str, str, bytes | None, str, type[errors.DriftgateError], str]] = [
    # what is wrong, file, its content, commands that refuse it, with which error, and what that says
    ("missing feature", "a.csv", csv(ROWS.drop(columns="kind")), FLOWS, MISMATCH, "column 'kind': there is no such"),
    ("misspelt feature", "a.csv", csv(ROWS.rename(columns={"kind": "kynd"})), "score", MISMATCH, "the nearest is 'kynd'"),
    ("missing target", "a.csv", csv(ROWS.drop(columns="repaid")), "train init", MISMATCH, "column 'repaid': there is no"),
    ("unlabelled file", "a.csv", csv(ROWS.drop(columns="repaid")), "labelled", NO_TARGET, "set performance: false on"),
    ("labels all missing", "a.csv", csv(ROWS.assign(repaid="")), "train init", NO_TARGET, "target 'repaid': no row has"),
    ("labels all missing", "a.csv", csv(ROWS.assign(repaid="NA")), "labelled", NO_TARGET, "none of 300 rows has a label"),
    ("constant target", "a.csv", csv(ROWS.assign(repaid="yes")), "train init", NO_TARGET, "all labels are the same"),
    ("unseen class", "a.csv", csv(with_value("repaid", 7, "maybe")), "labelled", MISMATCH, "'repaid', row 7: 'maybe' is a"),
    ("third class", "a.csv", csv(with_value("repaid", 7, "maybe")), "train", NO_TARGET, "3 classes (maybe, no, yes)"),
    ("wrong type", "a.csv", csv(with_value("amount", 9, "n/k")), FLOWS, MISMATCH, "column 'amount', row 9: "),
    ("wrong type", "a.parquet", parquet(with_value("age", 9, "old").astype({"age": str})), "train score", MISMATCH, "row 9: "),
    ("all of wrong type", "a.csv", csv(ROWS.assign(amount=ROWS["day"])), "labelled", MISMATCH, "'2024-01-01' is not a"),
    ("dates for numbers", "a.parquet", parquet(ROWS.assign(amount=pd.Timestamp(0))), "score", MISMATCH, "timestamp["),
    ("infinite", "a.csv", csv(with_value("amount", 7, "inf")), MOST, MISMATCH, "'amount', row 7: the value 'inf' is infinite"),
    ("infinite", "a.parquet", parquet(ROWS.assign(amount=-np.inf)), "score", MISMATCH, "row 1: the value '-inf'"),
    ("all-missing column", "a.csv", csv(ROWS.assign(amount="")), "train", MISMATCH, "'amount': all values are missing"),
    ("constant column", "a.csv", csv(ROWS.assign(amount=5)), "train", MISMATCH, "'amount': all rows have the same value"),
    ("duplicate header", "a.csv", csv(ROWS).replace(b"age", b"amount", 1), MOST, MISMATCH, "'amount': 2 columns have this"),
    ("own output", "a.csv", csv(ROWS.assign(prediction=1)), "score", MISMATCH, "'prediction': it is named as an output"),
    ("own output", "a.csv", csv(ROWS.assign(proba_no=ROWS["amount"])), "train score", MISMATCH, "'proba_no'"),
    ("empty", "a.csv", b"", MOST, UNREADABLE, "a.csv: it is empty"),
    ("empty lines", "a.csv", b"\n\n\n", "train init", UNREADABLE, "a.csv: it is empty"),
    ("header only", "a.csv", csv(ROWS.head(0)), "train score init", UNREADABLE, "a.csv: it has a header but no rows"),
    ("header only", "a.parquet", parquet(ROWS.head(0)), "score init", UNREADABLE, "a.parquet: it has a header but no rows"),
    ("not UTF-8", "a.csv", csv(with_value("kind", 5, "Grüße")).decode().encode("latin-1"), ALL, UNREADABLE, "0xfc) in line 6"),
    ("ragged row", "a.csv", with_line(50, "2024-01-01,1,2,car,yes,no"), "train labelled init", UNREADABLE, "row 50 has 6 values where"),
    ("short row", "a.csv", with_line(50, "2024-01-01,1"), "unlabelled", UNREADABLE, "row 50 has 2 values where the header has 5"),
    ("truncated Parquet", "a.parquet", parquet(ROWS)[:-100], ALL, UNREADABLE, "it is truncated, damaged or not Parquet"),
    ("no Parquet at all", "a.parquet", b"hello", "train init", UNREADABLE, "it is truncated, damaged or not Parquet"),
    ("semicolons", "a.csv", csv(ROWS, sep=";"), "train labelled", MISMATCH, "has no ',' but ';': set separator: ';'"),
    ("wrong ending", "a.xlsx", csv(ROWS), "labelled init", UNREADABLE, "its ending '.xlsx' tells no format"),
    ("absent", "a.csv", None, "train labelled score", errors.NotFound, "There is no data source 'a.csv' (known: current, training)"),
    ("absent", "a.csv", None, "init", UNREADABLE, "a.csv: there is no such file"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "commands", "error", "says"),
    [pytest.param(*row, id=f"{what} ({row[0][2:]}): {row[2]}") for what, *row in BAD_FILES],
)
def test_a_bad_file_is_one_sentence_and_nothing_is_written(
    driftgate: Driftgate,
    place: Path,
    name: str,
    content: bytes | None,
    commands: str,
    error: type[errors.DriftgateError],
    says: str,
) -> None:
    if content is not None:
        (place / name).write_bytes(content)
    for message in refused(driftgate, error, *(COMMANDS[command](name) for command in commands.split())):
        assert name in message
        assert says in message


def test_a_folder_is_no_file(driftgate: Driftgate, place: Path) -> None:
    (place / "monthly.csv").mkdir()
    for message in refused(driftgate, UNREADABLE, *(COMMANDS[command]("monthly.csv") for command in ALL.split())):
        assert "monthly.csv: it is a folder" in message


def test_one_text_among_numbers_is_named_in_a_large_file(driftgate: Driftgate, place: Path) -> None:
    (place / "large.csv").write_bytes(csv(with_value("amount", 12_345, "twelve", loans(20_000))))
    for message in refused(driftgate, MISMATCH, *(COMMANDS[command]("large.csv") for command in FLOWS.split())):
        assert "large.csv, column 'amount', row 12,345: " in message
        assert "'twelve'" in message


def test_a_label_nobody_knows_is_refused_also_outside_of_the_sample(driftgate: Driftgate, place: Path) -> None:
    (place / "large.csv").write_bytes(csv(with_value("repaid", 1_999, "maybe", loans(2_000))))
    change(place, "labelled: {model: repayment}", "labelled: {model: repayment, sampling: {method: random, rows: 200}}")
    register(place)
    (message,) = refused(driftgate, MISMATCH, ("evaluate", "labelled", "--data", "large.csv"))
    assert "large.csv, column 'repaid', row 1,999: 'maybe' is a label that training never knew" in message


@pytest.mark.parametrize(
    ("value", "says"), [("n/k", "nearly all labels are numbers, but here is 'n/k'"), ("inf", "'inf' is infinite")]
)
def test_init_refuses_a_target_of_numbers_with_something_else_in_it(
    driftgate: Driftgate, place: Path, value: str, says: str
) -> None:
    (place / "a.csv").write_bytes(csv(with_value("amount", 9, value)))
    (message,) = refused(driftgate, MISMATCH, ("init", "a.csv", "--target", "amount", "--project-folder", "new"))
    assert "a.csv, column 'amount', row 9: " in message
    assert says in message


# What is no error at evaluation: inputs that have moved.


@pytest.mark.parametrize(
    ("spoil", "moved", "warnings"),
    [
        ({"amount": ""}, "column_drift.amount.missing_share_change", ["column 'amount' has no value in these rows"]),
        ({"amount": 5}, "column_drift.amount.psi", []),
        ({"kind": "boat"}, "column_drift.kind.psi", ["column 'kind' has levels that were never seen before: boat"]),
    ],
    ids=["all missing", "constant", "unseen category"],
)
def test_a_column_that_went_wrong_in_production_is_drift(
    driftgate: Driftgate, place: Path, spoil: dict[str, object], moved: str, warnings: list[str]
) -> None:
    (place / "a.csv").write_bytes(csv(ROWS.assign(**spoil)))
    for store in ("labelled", "unlabelled"):
        done = driftgate("evaluate", store, "--data", "a.csv", "--json")
        assert done.code == 0, done.words
        assert done.document["metrics"]["data_drift"] > 0.9
        assert done.document["metrics"]["drifted_columns"] >= 1
        assert done.document["metrics"][moved] > 0.9
        assert done.document["warnings"] == warnings
        assert "the reference has 60 rows, and a promise takes 500" in done.document["notes"][-1]
    assert driftgate("score", "a.csv", "--output", "scored.csv").code == 0


def test_an_unseen_category_is_refused_where_the_model_says_so(driftgate: Driftgate, place: Path) -> None:
    change(place, "    features:\n", "    features:\n      on_unseen_category: fail\n")
    register(place)
    (place / "a.csv").write_bytes(csv(with_value("kind", 33, "boat")))
    for message in refused(driftgate, MISMATCH, *(COMMANDS[command]("a.csv") for command in WITH_A_VERSION.split())):
        assert "a.csv, column 'kind', row 33: training never saw 'boat'" in message


# Names that nothing answers to.


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("evaluate", "labeled"), "no store 'labeled' (known: labelled, unlabelled)"),
        (("evaluate",), "(known: labelled, unlabelled)"),
        (("check", "labeled"), "no store 'labeled' (known: labelled, unlabelled)"),
        (("metrics", "export", "--store", "labeled"), "no store 'labeled' (known: labelled, unlabelled)"),
        (("train", "--model", "other"), "no model 'other' (known: repayment)"),
        (("score", "current", "-o", "scored.csv", "--model", "other"), "no model 'other' (known: repayment)"),
        (("version", "list", "--model", "other"), "no model 'other' (known: repayment)"),
        (("version", "show", "9"), "'9' (known: 1, latest, active)"),
        (("version", "activate", "9"), "'9' (known: 1, latest, active)"),
        (("version", "activate", "1", "--environment", "moon"), "no environment 'moon' (known: dev)"),
        (("version", "rollback", "--to", "9"), "'9'"),
        (("version", "rollback", "--environment", "moon"), "no environment 'moon' (known: dev)"),
        (("sign-off", "show", "9"), "'9' (known: 1, latest, active)"),
        (("evaluate", "labelled", "--version", "9"), "'9' (known: 1, latest, active)"),
        (("evaluate", "labelled", "--version", "banana"), "'banana' (known: 1, latest, active)"),
        (("score", "current", "-o", "scored.csv", "--version", "9"), "'9' (known: 1, latest, active)"),
        (("score", "current", "-o", "scored.csv", "--version", ""), "'' (known: 1, latest, active)"),
        (("evaluate", "labelled", "--data", "current:2"), "no part 'current:2' (known: 1)"),
        (("evaluate", "labelled", "--data", "currant:1"), "no data source 'currant:1' (known: current, training)"),
        (("train", "--data", "training + current:2"), "no part 'current:2' (known: 1)"),
        (("score", "training:3", "-o", "scored.csv"), "'training' is a single file: name it without a part"),
        (("scenario", "run", "wach"), "no scenario 'wach' (known: watch)"),
        (("scenario", "run", "--data", "absent.csv"), "no data source 'absent.csv' (known: current, training)"),
        (("scenario", "last-runs", "wach"), "no scenario 'wach' (known: watch)"),
        (("train", "--project", "elsewhere"), "no project 'elsewhere'"),
        (("score", "current", "-o", "absent/scored.csv"), "absent'; make it first"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_name_that_nothing_answers_to_is_told_with_those_that_there_are(
    driftgate: Driftgate, place: Path, arguments: tuple[str, ...], says: str
) -> None:
    (message,) = refused(driftgate, errors.NotFound, arguments)
    assert says in message


@pytest.mark.parametrize("output", ["scored.xlsx", "scored", "."])
def test_an_output_of_no_known_format_is_wrong_usage(driftgate: Driftgate, place: Path, output: str) -> None:
    before = everything(place)
    for_people, for_machines = (driftgate("score", "current", "-o", output, *flag) for flag in ((), ("--json",)))
    assert everything(place) == before
    assert for_people.code == for_machines.code == 2
    assert for_people.out == ""
    message = for_machines.document["error"]["message"]
    assert repr(output) in message
    assert for_people.err.splitlines()[-1] == f"✗ {message}", "after the lines that say how the command is used"


def test_a_scenario_on_bad_data_is_a_run_that_failed_and_makes_no_evaluation(driftgate: Driftgate, place: Path) -> None:
    (place / "current_2.csv").write_bytes(csv(with_value("amount", 9, "n/k")))
    before = everything(place)
    done = driftgate("scenario", "run", "--json")
    assert done.code == driftgate("scenario", "run").code == 1
    assert done.err == ""
    (step,) = done.document["steps"]
    assert (done.document["outcome"], step["outcome"]) == ("FAILED", "FAILED")
    assert "current_2.csv, column 'amount', row 9: 'n/k' is not a number" in step["message"]
    one_sentence(step["message"])
    changed = {name for name, found in everything(place).items() if found != before.get(name)}
    assert changed == {"scenario_run", "step_run", "audit_event"}, "that it ran is on record, and nothing else"


# project.yaml.


def change(place: Path, old: str, new: str) -> int:
    """Edit project.yaml; gives the line."""
    file = place / "project.yaml"
    before, found, after = file.read_text().partition(old)
    assert found
    file.write_text(before + new + after)
    return before.count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("target: repaid", "targt: repaid", "field 'models.repayment.targt': there is no such field; write 'target'"),
        ("labelled: {model: repayment}", "labelled: {model: repayment, model: x}", "it is given twice, first on line"),
        ("prediction_type: binary", "prediction_type: binry", "'models.repayment.prediction_type': the value is none"),
        ("policy: always", "policy: sometimes", "field 'environments.dev.policy': the value is none of those there are"),
        ("store: labelled", "store: labeled", "there is no store 'labeled'"),
        ("unlabelled: {model: repayment,", "unlabelled: {model: other,", "there is no model 'other'"),
        ("monitored_environment: dev", "monitored_environment: moon", "there is no environment 'moon'"),
        ("project: loans", "project: [loans]]", "it is not YAML"),
    ],
    ids=["unknown field", "doubled field", "bad value", "bad policy", "dangling store", "dangling model", "dangling environment", "no YAML"],
)  # fmt: skip
def test_a_malformed_project_file_is_one_sentence_with_the_line(
    driftgate: Driftgate, place: Path, old: str, new: str, says: str
) -> None:
    line = change(place, old, new)
    for message in refused(
        driftgate,
        errors.ProjectFileError,
        *(COMMANDS[command]("current") for command in FLOWS.split()),
        ("version", "activate", "1"),
        ("scenario", "run"),
        ("check", "labelled"),
    ):
        assert f"project.yaml, line {line}" in message
        assert says in message
    found = driftgate("project", "validate", "--json")
    assert found.code == 2
    assert found.document["error"]["message"] == message
    assert found.document["error"]["problems"][0]["line"] == line


# A disk that says no.


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """As on a disk that is full, for root too: writing more than so many bytes to a file fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("output", ["scored.csv", "scored.parquet"])
def test_a_disk_that_gets_full_leaves_no_half_output(driftgate: Driftgate, place: Path, output: str) -> None:
    (place / "large.csv").write_bytes(csv(loans(20_000)))
    with no_file_above(100_000):
        (message,) = refused(driftgate, UNREADABLE, ("score", "large.csv", "-o", output))
    assert f"{output}: it can't be written (File too large)" in message


def test_the_file_to_be_scored_is_not_replaced_by_its_own_scores(driftgate: Driftgate, place: Path) -> None:
    (place / "june.csv").write_bytes(csv(loans(50)))
    (message,) = refused(driftgate, UNREADABLE, ("score", "june.csv", "-o", "june.csv"))
    assert "june.csv: it is the file to be scored" in message


@pytest.mark.parametrize("output", ["/proc/scored.csv", f"{'long' * 60}.csv"])
def test_an_output_that_can_not_be_opened_is_named(driftgate: Driftgate, place: Path, output: str) -> None:
    (message,) = refused(driftgate, UNREADABLE, ("score", "current", "-o", output))
    assert f"{output}: it can't be written" in message


@pytest.mark.parametrize(
    ("folder", "command_line"), [("models", ("train",)), ("evaluations", ("evaluate", "unlabelled"))]
)
def test_a_store_of_artifacts_that_can_not_be_written_is_named(
    driftgate: Driftgate, place: Path, folder: str, command_line: tuple[str, ...]
) -> None:
    """No version and no evaluation points to a folder that is not there."""
    change(place, "project: loans", "project: lent")
    register(place)
    if folder == "evaluations":
        assert driftgate("train").code == 0
        command_line = (*command_line, "--version", "latest")
    blocked = place / ".driftgate" / "artifacts" / folder / "lent"
    blocked.parent.mkdir(exist_ok=True)
    blocked.write_text("a file where a folder must be")
    (message,) = refused(driftgate, UNREADABLE, command_line)
    assert ".driftgate/artifacts: it can't be written (Not a directory)" in message


# Not only inside of this process.


def test_the_console_script_says_no_more_than_the_sentence(place: Path, prefect_api: str) -> None:
    """Nothing that Prefect or a library logs on the way stands beside it."""
    (place / "a.csv").write_bytes(csv(with_value("amount", 9, "n/k")))
    done = subprocess.run(
        [Path(sys.executable).with_name("driftgate"), "score", "a.csv", "-o", "scored.csv"],
        env=os.environ | {"PREFECT_API_URL": prefect_api},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    message = done.stderr.removeprefix("✗ ").removesuffix("\n")
    one_sentence(message)
    assert "a.csv, column 'amount', row 9: 'n/k' is not a number" in message
    assert not (place / "scored.csv").exists()
