"""The project file of the tutorial."""

from __future__ import annotations

from deployments.projects.credit_card_fraud.generate import DATA_FOLDER, PROJECT_FOLDER
from deployments.projects.credit_card_fraud.purchases import draw_purchases
from deployments.projects.credit_card_fraud.recipe import PERIODS
from governance.project_file import examine, load_project
from governance.vocabulary import Policy, RunCondition, StepKind


def test_nothing_is_wrong_with_the_project_file():
    project, problems = examine(PROJECT_FOLDER / "project.yaml")
    assert project is not None
    assert problems == []


def test_the_data_sources_are_where_the_generator_writes():
    project = load_project(PROJECT_FOLDER)
    training, *months = (DATA_FOLDER / period.file for period in PERIODS)
    assert project.folder / project.data["training"].path == training
    series = (project.folder / project.data["monthly"].path).relative_to(DATA_FOLDER).as_posix()
    assert all(month.match(series) for month in months)
    assert not training.match(series)


def test_the_model_names_columns_that_there_are():
    name, model = load_project(PROJECT_FOLDER).model()
    columns = set(draw_purchases("2017_04", rows=10, seed=1).columns)
    assert name == "authorization"
    assert {model.target, model.time_column, *model.features.exclude, *model.features.handling} <= columns


def test_the_tutorials_check_errs_even_where_nothing_drifts():
    (check,) = load_project(PROJECT_FOLDER).store("mes_for_input_drift").checks
    assert (check.name, check.metric, check.soft_maximum, check.maximum) == ("Data Drift < 0.4", "data_drift", 0.3, 0.4)
    assert check.maximum < 0.5


def test_only_the_ground_truth_store_needs_labels():
    project = load_project(PROJECT_FOLDER)
    assert {name: store.performance for name, store in project.stores.items()} == {
        "mes_for_ground_truth": True,
        "mes_for_input_drift": False,
    }
    assert all((s.sampling.method, s.sampling.rows) == ("random", 10_000) for s in project.stores.values())


def test_the_scenario_evaluates_checks_and_trains_when_a_check_failed():
    key, scenario = load_project(PROJECT_FOLDER).scenario()
    assert (key, scenario.name) == ("retrain-model", "Retrain Model")
    assert [(step.name, step.kind) for step in scenario.steps] == [
        ("Build MES", StepKind.BUILD_EVALUATION),
        ("Run MES checks", StepKind.RUN_CHECKS),
        ("Build model", StepKind.TRAIN),
    ]
    assert scenario.steps[-1].run_if is RunCondition.SOME_PRIOR_FAILED
    assert scenario.steps[-1].reset_failure
    assert scenario.steps[-1].data == "training + monthly:latest"
    assert scenario.schedule is not None
    assert (scenario.schedule.cron, scenario.schedule.time_zone) == ("0 6 * * 1", "Europe/London")


def test_three_groups_review_and_production_asks_for_their_word():
    project = load_project(PROJECT_FOLDER)
    assert set(project.people.reviewers) == {"it_operations", "risk_compliance", "business"}
    assert project.people.final_approvers
    policies = {name: environment.policy for name, environment in project.environments.items()}
    assert policies == {"dev": Policy.ALWAYS, "test": Policy.WARN, "prod": Policy.PREVENT}
