"""Every way to get a project file wrong is answered with file, line, field and remedy."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import get_args

import pytest

from governance.errors import NotFound, ProjectFileError
from governance.project_file import (
    AnyStep,
    Condition,
    DataSource,
    Project,
    RequestSignOff,
    examine,
    find_file,
    load_project,
)
from governance.project_file.wording import fields_at

GOOD = """\
project: loans
data:
  training: {path: train.csv}
  train: {path: "monthly/*.csv"}
models:
  default:
    target: repaid
    prediction_type: binary
stores:
  drift:
    model: default
    data: train
    checks:
      - {name: Data drift, metric: data_drift, soft_maximum: 0.6, maximum: 0.75}
scenarios:
  retrain:
    name: Retrain
    schedule: {cron: 0 6 * * 1, time_zone: Europe/London}
    steps:
      - {name: Judge, kind: build_evaluation, store: drift}
      - {name: Check, kind: run_checks, store: drift}
      - {name: Train, kind: train, model: default, run_if: some_prior_failed, reset_failure: true}
      - {name: Go live, kind: activate, model: default, environment: prod}
      - {name: Ask, kind: request_sign_off, model: default, run_if: {outcome_is: [SUCCESS]}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "project.yaml"
    path.write_text(GOOD)
    return path


def refused(file: Path, text: str | bytes) -> ProjectFileError:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ProjectFileError) as caught:
        load_project(file)
    error = caught.value
    assert error.file == file.resolve()
    assert error.problem
    assert error.remedy
    assert str(error).startswith(str(file.resolve()))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301
    return error


def test_a_good_file_is_read_from_its_folder_and_from_its_path(file: Path) -> None:
    project = load_project(file.parent)
    assert project == load_project(file)
    assert project.folder == file.parent.resolve()
    assert project.file == file.resolve()
    assert project.model()[0] == "default"


def test_a_file_of_another_name_is_remembered_as_the_file(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(GOOD)
    assert load_project(other).file == other.resolve()


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "problem", "remedy"),
    [
        ("target: repaid", "targe: repaid", 7, "models.default.targe", "there is no such field", "write 'target'"),
        ("soft_maximum: 0.6", "soft_max: 0.6", 14, "stores.drift.checks.0.soft_max", "no such field", "'soft_maximum'"),
        ("{path: train.csv}", "{path: a.csv, x9: 1}", 3, "data.training.x9", "no such field", "format, path, query, separator"),
        ("data: train\n", "data: train\n    sampling: {rows: 9}\n", 13, "stores.drift.sampling", "not how they are", "method: random"),
        (
            "data: train\n", "data: train\n    drift: {false_alarm_rate: {error: 0.001}}\n",
            13, "stores.drift.drift.false_alarm_rate", "below 0.005 can't be promised", "take 0.005 or more",
        ),
        ("{path: train.csv}", "{}", 3, "data.training", "either a path or a query", "give it one of the two"),
        ("{path: train.csv}", "{path: a.csv, query: SELECT 1}", 3, "data.training", "a path or a query", "one of the two"),
        ("{path: train.csv}", "{query: SELECT 1}", 3, "data.training", "query and url_variable belong", "give both"),
        ("{path: train.csv}", "{path: a.csv, url_variable: A}", 3, "data.training", "belong together", "or neither"),
        ("{path: train.csv}", "{query: S, url_variable: A, format: csv}", 3, "data.training", "neither format", "remove"),
        ("{path: train.csv}", "{query: S, url_variable: a}", 3, "data.training.url_variable", "no name", "SALES_DATABASE"),
        ("    target: repaid\n", "", 6, "models.default.target", "it is missing", "add it"),
        ("prediction_type: binary", "prediction_type: binry", 8, "models.default.prediction_type", "none of", "'binary'"),
        ("kind: train,", "kind: trian,", 22, "scenarios.retrain.steps.2", "no kind", "request_sign_off"),
        ("kind: train,", "", 22, "scenarios.retrain.steps.2", "no kind", "request_sign_off"),
        ("kind: run_checks, store: drift", "kind: run_checks", 21, "scenarios.retrain.steps.1.store", "missing", "add"),
        ("kind: train, model", "kind: train, modle", 22, "scenarios.retrain.steps.2.modle", "such field", "'model'"),
        ("some_prior_failed", "sometimes", 22, "scenarios.retrain.steps.2.run_if", "none of", "'some_prior_failed'"),
        ("some_prior_failed", "outcome_is", 22, "scenarios.retrain.steps.2", "its outcomes", "run_if: {outcome_is"),
        ("[SUCCESS]", "[GOOD]", 24, "scenarios.retrain.steps.4.run_if.outcome_is.0", "none of", "'SUCCESS'"),
        ("outcome_is:", "outcome:", 24, "scenarios.retrain.steps.4.run_if.outcome", "no such field", "'outcome_is'"),
        ("name: Check,", "name: Judge,", 21, "scenarios.retrain.steps.1.name", "two steps", "own name"),
        ("{path: train.csv}", "{path: train.csv, path: b}", 3, "data.training.path", "twice, first on line 3", "remove"),
        ("stores:", "data:", 9, "data", "given twice, first on line 2", "remove one"),
        ("model: default\n", "model: other\n", 11, "stores.drift.model", "no model 'other'", "use one of default"),
        ("data: train\n", "data: now\n", 12, "stores.drift.data", "no data source 'now'", "train, training"),
        ("run_checks, store: drift", "run_checks, store: none", 21, "scenarios.retrain.steps.1.store", "no store", "drift"),
        ("train, model: default", "train, model: d", 22, "scenarios.retrain.steps.2.model", "no model 'd'", "default"),
        ("environment: prod", "environment: x", 23, "scenarios.retrain.steps.3.environment", "no environment", "prod"),
        ("project: loans", "project: loans\nmonitored_environment: x", 2, "monitored_environment", "no environment", "prod"),
        ("soft_maximum: 0.6", "soft_maximum: 0.9", 14, "stores.drift.checks.0", "out of order", "minimum <= soft"),
        ("soft_maximum: 0.6, maximum: 0.75", "empty: ok", 14, "stores.drift.checks.0", "no bound", "at least one"),
        ("soft_maximum: 0.6", "soft_maximum: .nan", 14, "stores.drift.checks.0.soft_maximum", "finite", "correct"),
        ("Europe/London", "Europe/Lodnon", 18, "scenarios.retrain.schedule.time_zone", "IANA", "Europe/London"),
        ("0 6 * * 1", "6 * * 1", 18, "scenarios.retrain.schedule.cron", "4 of five fields", "0 6 * * 1"),
        ("0 6 * * 1", "0 24 * * 1", 18, "scenarios.retrain.schedule.cron", "hour '24'", "from 0 to 23"),
        ("repaid\n", "repaid\n    threshold: 2\n", 8, "models.default.threshold", "less than or equal to 1", "correct"),
        ("repaid\n", "repaid\n    time_column: repaid\n", 6, "models.default", "target and time_column", "two columns"),
        ("repaid\n", "repaid\n    split: {method: time}\n", 6, "models.default", "needs a time_column", "name it"),
        ("repaid\n", "repaid\n    features: {include: [repaid]}\n", 6, "models.default", "features.include", "remove"),
        ("repaid\n", "repaid\n    features: {exclude: [2017]}\n", 8, "models.default.features.exclude.0", "not text", "quotes"),
        (
            "repaid\n", "repaid\n    features: {include: [a], exclude: [a]}\n",
            8, "models.default.features", "included and excluded", "one of the two",
        ),
        ("monthly/*.csv", "*/*.csv", 4, "data.train", "more than one *", "leave the one"),
        ("  drift:\n", "  Drift Store:\n", 10, "stores.Drift Store", "not a name", "lower-case"),
        ("train.csv", "2025-13-45", None, "", "can't be read", "quotes"),
        ("{path: train.csv}", "!!python/object:os.system {}", 3, "", "not YAML", "mend"),
        ("{path: train.csv}", "&a {path: *a}", 3, "data.training.path", "contains itself", "alias"),
        ("models:\n", "models:\n  bundle-12: {target: y, prediction_type: binary}\n", 6, "models.bundle-12", "what bundle 12 of the project is called", "another name"),
        ("project: loans", "project: [loans", 2, "", "not YAML", "mend the line"),
        ("project: loans", "project: loans\n---", 2, "", "not YAML", "mend the line"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_line_field_and_remedy(
    file: Path, old: str, new: str, line: int | None, field: str, problem: str, remedy: str
) -> None:
    assert old in GOOD
    error = refused(file, GOOD.replace(old, new, 1))
    assert (error.line, error.field) == (line, field)
    assert problem in error.problem
    assert remedy in error.remedy


WHOLE = """\
project: loans
data:
  monthly: {path: "monthly/*.csv"}
  sales: {query: SELECT 1, url_variable: SALES_URL}
models:
  default:
    target: repaid
    prediction_type: binary
    train_on: monthly
    activation: {policy: if_better, environment: prod, minimal_gain: 0.01}
stores:
  drift:
    model: default
    data: monthly
    checks:
      - {name: Range, metric: data_drift, maximum: 0.75}
      - {name: Set, type: in_set, metric: drifted_columns, values: [0, 1]}
      - {name: Before, type: compare, metric: roc_auc, operator: ">=", compared_with: previous, margin: -0.02}
      - {name: Usual, type: typical_range, metric: data_drift, learning_runs: 5, lookback: 20}
      - {name: Mine, type: python, function: "checks.py:mine", empty: error}
channels:
  team: {url_variable: TEAM_URL}
scenarios:
  retrain:
    name: Retrain
    variables: {limit: 0.1, to-whom: team}
    collision: skip
    triggers:
      - {kind: dataset_change, data: monthly, marker: monthly/_SUCCESS}
      - {kind: sql_change, query: SELECT 2, url_variable: SALES_URL}
      - {kind: after_scenario, scenario: nightly, outcome_is: [SUCCESS]}
    reporters:
      - {channel: team, at: start}
      - {channel: team, outcome_is: [FAILED], remind_after_hours: 2}
    steps:
      - {name: Judge, kind: build_evaluation, store: drift}
      - {name: Run checks, kind: run_checks, store: drift, on_failure: warn}
      - name: Tell
        kind: notify
        channel: team
        message: "run ${run}: ${steps['Run checks'].message} over ${variables.limit}"
        run_if: {condition: "steps['Run checks'].outcome != 'SUCCESS' and len(data) > 0"}
      - {name: Clean, kind: sql, statement: "DELETE FROM t WHERE a = :a", parameters: {a: "${run}"}, url_variable: SALES_URL}
      - {name: Call, kind: python, function: "steps.py:call", arguments: {by: ["${variables['to-whom']}"]}}
      - {name: Write, kind: export_document, model: default, output: "v-${run}.html"}
      - {name: Score, kind: score, model: default, data: monthly, output: scores.csv}
      - {name: Other, kind: run_scenario, scenario: other, parameters: {share: "${steps.Judge.result.rows}"}}
  nightly:
    name: Nightly
    steps: [{name: Judge, kind: build_evaluation, store: drift}]
  other:
    name: Other
    steps: [{name: Judge, kind: build_evaluation, store: drift}]
"""


def test_everything_that_a_scenario_can_say_is_read(file: Path) -> None:
    file.write_text(WHOLE)
    project, problems = examine(file)
    assert problems == []
    assert project is not None
    retrain = project.scenarios["retrain"]
    assert [step.kind for step in retrain.steps] == [
        "build_evaluation", "run_checks", "notify", "sql", "python", "export_document", "score", "run_scenario",
    ]  # fmt: skip
    assert [check.type for check in project.stores["drift"].checks] == [
        "numeric_range", "in_set", "compare", "typical_range", "python",
    ]  # fmt: skip
    assert retrain.steps[2].run_if == Condition(condition="steps['Run checks'].outcome != 'SUCCESS' and len(data) > 0")


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "problem", "remedy"),
    [
        ("name: Set, type: in_set", "name: Set, type: inset", 17, "stores.drift.checks.1", "check has no type", "typical_range, python"),
        ("kind: sql_change", "kind: sql", 30, "scenarios.retrain.triggers.1", "trigger has no kind", "sql_change, after_scenario"),
        ("channel: team, at: start", "channel: tema, at: start", 33, "scenarios.retrain.reporters.0.channel", "no channel 'tema'", "team"),
        ("channel: team\n", "channel: us\n", 40, "scenarios.retrain.steps.2.channel", "no channel 'us'", "team"),
        ("scenario: nightly,", "scenario: daily,", 31, "scenarios.retrain.triggers.2.scenario", "no scenario 'daily'", "nightly, other"),
        ("scenario: other,", "scenario: othr,", 47, "scenarios.retrain.steps.7.scenario", "no scenario 'othr'", "nightly, other"),
        ("data: monthly, marker", "data: yearly, marker", 29, "scenarios.retrain.triggers.0.data", "no data source 'yearly'", "monthly, sales"),
        ("data: monthly, marker", "data: sales, marker", 29, "scenarios.retrain.triggers.0.data", "those of a query", "sql_change"),
        ("environment: prod, m", "environment: live, m", 10, "models.default.activation.environment", "no environment 'live'", "prod"),
        ("policy: if_better", "policy: always", 10, "models.default.activation", "minimal_gain is for policy: if_better", "remove minimal_gain"),
        ("scenario: other,", "scenario: retrain,", 47, "scenarios.retrain.steps.7.scenario", "for ever: retrain → retrain", "links out"),
        ("scenario: other,", "scenario: nightly,", 31, "scenarios.retrain.triggers.2.scenario", "for ever: nightly → retrain → nightly", "links out"),
        ("and len(data) > 0", "and len(data > 0", 42, "scenarios.retrain.steps.2.run_if.condition", "is no expression", "as in Python"),
        ("and len(data) > 0", "and open(data)", 42, "scenarios.retrain.steps.2.run_if.condition", "'open' is no function here", "len, min"),
        ("and len(data) > 0", "and weekday == 1", 42, "scenarios.retrain.steps.2.run_if.condition", "no 'weekday' here", "outcome, steps, variables"),
        ("!= 'SUCCESS' and", "!= 'SUCCESS' or steps.Call.outcome and", 42, "scenarios.retrain.steps.2.run_if.condition", "step 'Call' has not ended", "before it"),
        ("!= 'SUCCESS' and", "!= 'SUCCESS' or steps['Tell'] and", 42, "scenarios.retrain.steps.2.run_if.condition", "step 'Tell' has not ended", "before it"),
        ("!= 'SUCCESS' and", "!= 'SUCCESS' or steps['Chek'] and", 42, "scenarios.retrain.steps.2.run_if.condition", "no step 'Chek'", "Judge, Run checks"),
        ("steps['Run checks'].outcome", "steps['Run checks'].outcom", 42, "scenarios.retrain.steps.2.run_if.condition", "no field of a step 'outcom'", "outcome, message, result"),
        ("variables.limit", "variables.limt", 41, "scenarios.retrain.steps.2.message", "no variable 'limt'", "limit, to-whom"),
        ("over ${variables.limit}", "over ${variables.limit", 41, "scenarios.retrain.steps.2.message", "has no } that ends it", "$${ stands for"),
        ('{a: "${run}"}', '{a: "${run +}"}', 43, "scenarios.retrain.steps.3.parameters.a", "'run +' is no expression", "as in Python"),
        ("variables['to-whom']", "variables.to-whom", 44, "scenarios.retrain.steps.4.arguments.by.0", "no variable 'to' here", "limit, to-whom"),
        ("v-${run}", "v-${run.__class__}", 45, "scenarios.retrain.steps.5.output", "begins with an underscore", "a field"),
        ("${steps.Judge.", "${steps.Other.", 47, "scenarios.retrain.steps.7.parameters.share", "step 'Other' has not ended", "before it"),
        ('{condition: "steps', '{condition: "x", x: "steps', 42, "scenarios.retrain.steps.2.run_if.x", "no such field", "condition, outcome_is"),
        ("run_if: {", "run_if: #{", 42, "scenarios.retrain.steps.2.run_if", "none of those", "'no_prior_failed'"),
        ("[{name: Judge, kind: build_evaluation, store: drift}]\n  other", "[5]\n  other", 50, "scenarios.nightly.steps.0", "no fields", "name: value"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_scenario_is_named_with_line_field_and_remedy(
    file: Path, old: str, new: str, line: int, field: str, problem: str, remedy: str
) -> None:
    assert old in WHOLE
    error = refused(file, WHOLE.replace(old, new, 1))
    assert (error.line, error.field) == (line, field)
    assert problem in error.problem
    assert remedy in error.remedy


def test_a_circle_of_scenarios_is_told_once_and_what_only_leads_to_it_is_not(file: Path) -> None:
    steps = "steps: [{{name: s, kind: run_scenario, scenario: {}}}]"
    names = {"a": "b", "b": "c", "c": "b", "d": "a"}
    scenarios = "".join(f"  {name}: {{name: S, {steps.format(other)}}}\n" for name, other in names.items())
    file.write_text(GOOD[: GOOD.index("  retrain:")] + scenarios)
    _, problems = examine(file)
    assert [(problem.field, problem.problem) for problem in problems] == [
        ("scenarios.b.steps.0.scenario", "it would start itself for ever: b → c → b")
    ]


@pytest.mark.parametrize("setting", ["positive_class: 1", "threshold: 0.4"])
@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_what_only_binary_models_have_is_refused_elsewhere(file: Path, kind: str, setting: str) -> None:
    error = refused(file, GOOD.replace("type: binary", f"type: {kind}\n    {setting}"))
    assert setting.partition(":")[0] in error.problem
    assert kind in error.problem


@pytest.mark.parametrize(
    ("written", "read"), [("1", "1"), ("1.0", "1"), ("true", "true"), ("'01'", "01"), ("yes", "true")]
)
def test_a_positive_class_may_be_written_without_quotes(file: Path, written: str, read: str) -> None:
    file.write_text(GOOD.replace("type: binary", f"type: binary\n    positive_class: {written}"))
    assert load_project(file).models["default"].positive_class == read


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (b"", 1, "it is empty"),
        (b"# nothing\n", 1, "it is empty"),
        (b"- a\n- b\n", 1, "not a list of fields"),
        (b"project: a\xff\n", 1, "byte 10 is not UTF-8"),
        (b"project: loans\ndata: \xe9\n", 2, "byte 21 is not UTF-8"),
        ("project: loans".encode("utf-16"), 1, "not UTF-8"),
        (b"project: a\x00b", None, "not YAML"),
        (b"project: " + b"[" * 5000, None, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_project_at_all_is_refused(
    file: Path, content: bytes, line: int | None, problem: str
) -> None:
    error = refused(file, content)
    assert error.line == line
    assert problem in error.problem


def test_a_byte_order_mark_does_no_harm(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_project(file).project == "loans"


def test_all_problems_are_found_at_once_in_the_order_of_their_lines(file: Path) -> None:
    file.write_text(GOOD.replace("repaid", "repaid\n    a: 1").replace("soft_maximum", "soft").replace("cron", "crn"))
    project, problems = examine(file)
    assert project is None
    assert [problem.field for problem in problems] == [
        "models.default.a",
        "stores.drift.checks.0.soft",
        "scenarios.retrain.schedule.crn",
    ]
    assert [problem.line for problem in problems] == sorted(problem.line or 0 for problem in problems)


def test_a_source_that_is_called_like_a_kind_of_step_keeps_its_name_in_the_error(file: Path) -> None:
    error = refused(file, GOOD.replace('{path: "monthly/*.csv"}', "{paht: x}"))
    assert error.field.startswith("data.train.")


def test_an_absent_file_is_refused_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ProjectFileError, match="driftgate init"):
        find_file(tmp_path)


@pytest.mark.parametrize("ask", [lambda p: p.model("x"), lambda p: p.store("x"), lambda p: p.scenario("x")])
def test_a_name_that_the_project_does_not_have_is_answered_with_those_it_has(file: Path, ask) -> None:
    with pytest.raises(NotFound, match=r"known: (default|drift|retrain)"):
        ask(load_project(file))


def test_the_fields_that_are_suggested_are_those_of_the_classes() -> None:
    assert fields_at(()) == set(Project.model_fields)
    assert fields_at(("data", "anything")) == set(DataSource.model_fields)
    assert fields_at(("environments", "prod")) == {"policy", "on_approval"}
    assert fields_at(("scenarios", "a", "triggers", 0)) >= {
        "kind",
        "data",
        "marker",
        "query",
        "scenario",
        "every_seconds",
    }
    assert fields_at(("scenarios", "a", "steps", 0, "run_if")) == {"outcome_is", "condition"}
    assert fields_at(("stores", "a", "checks", 3)) >= {"minimum", "maximum"}
    every_step = get_args(get_args(AnyStep)[0])
    assert fields_at(("scenarios", "a", "steps", 0)) == {name for step in every_step for name in step.model_fields}
    assert set(RequestSignOff.model_fields) <= fields_at(("scenarios", "a", "steps", 0))


@pytest.mark.parametrize("cron", ["* * * * *", "*/5 0-6,22 1 jan-mar/2 MON", "0 0 1 1 7", "59 23 31 12 0"])
def test_schedules_of_five_well_formed_fields_are_accepted(file: Path, cron: str) -> None:
    file.write_text(GOOD.replace("0 6 * * 1", f'"{cron}"'))
    assert load_project(file).scenarios["retrain"].schedule.cron == cron  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "cron", ["@daily", "60 * * * *", "* * 0 * *", "*/0 * * * *", "5-1 * * * *", "a * * * *", "1, * * * *"]
)
def test_schedules_that_could_never_be_meant_are_refused(file: Path, cron: str) -> None:
    assert refused(file, GOOD.replace("0 6 * * 1", f'"{cron}"')).field == "scenarios.retrain.schedule.cron"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: &a [x]\n? *a\n: 1\n", 1),  # an alias stands where its anchor does
        ("project: loans\n? {a: 1}\n: 1\n", 2),
        ("data:\n  ? [a, b]\n  : 1\n", 2),
        ("? [&a0 [x], " + ", ".join(f"&a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 60)) + "]\n: 1\n", 1),
    ],
    ids=["an alias", "a mapping", "inside", "more than there are atoms"],
)  # fmt: skip
def test_a_name_that_is_no_text_is_refused_before_it_is_written_out(
    file: Path, text: str, line: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written_out(_: object) -> str:
        raise AssertionError("it was written out")

    monkeypatch.setattr("yaml.Node.__repr__", written_out)
    error = refused(file, text)
    assert (error.line, error.remedy) == (line, "write a plain name before the colon")
