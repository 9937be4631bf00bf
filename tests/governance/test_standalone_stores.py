"""A store without a model: declared, refused where its parts don't fit, and brought into the database."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from governance.audit import Tag
from governance.database import transaction
from governance.errors import NotFound, ProjectFileError
from governance.project_file import Project, load_project
from governance.registry import register_project
from governance.tables import StoreRow
from governance.vocabulary import PredictionType
from tests.governance.world import NOON, WILL, World

ELSEWHERE = """\
project: elsewhere
data:
  scored: {path: "scored/*.csv"}
  sales: {query: SELECT * FROM sales, url_variable: SALES_DATABASE_URL}
stores:
  arrivals:
    data: scored
    standalone:
      prediction_type: binary
      prediction: decided
      probabilities: {yes: p_yes, no: p_no}
      target: arrived
      positive_class: yes
      reference: scored:2024_01
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "project.yaml"
    path.write_text(ELSEWHERE)
    return path


def test_a_project_whose_stores_are_all_standalone_needs_no_model(file: Path) -> None:
    project = load_project(file)
    assert project.models == {}
    assert project.prediction_type("arrivals") is PredictionType.BINARY
    assert project.store("arrivals").asks_for_labels
    standalone = project.store("arrivals").standalone
    assert standalone is not None
    assert standalone.probabilities == {"true": "p_yes", "false": "p_no"}, "YAML's yes and no are labels like any other"
    assert project.data["sales"].path is None


def test_who_asks_for_the_model_of_such_a_project_is_told_where_models_are_declared(file: Path) -> None:
    with pytest.raises(NotFound, match="no model 'default'; declare one under models"):
        load_project(file).model()


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "problem", "remedy"),
    [
        ("    standalone:\n", "    model: fraud\n    standalone:\n", 6, "stores.arrivals", "a model or standalone", "one"),
        (ELSEWHERE[ELSEWHERE.index("    standalone:") :], "", 6, "stores.arrivals", "a model or standalone", "one of"),
        (ELSEWHERE[ELSEWHERE.index("stores:") :], "", 1, "models", "no model, and no standalone store", "declare a"),
        ("scored:2024_01", "scord", 14, "stores.arrivals.standalone.reference", "no data source 'scord'", "sales, sco"),
        ("data: scored", "skip_scoring: true", 6, "stores.arrivals", "scores nothing", "remove skip_scoring"),
        ("target: arrived", "target: decided", 8, "stores.arrivals.standalone", "prediction and target", "two columns"),
        ("target: arrived", "target: p_no", 8, "stores.arrivals.standalone", "probability of 'false' and t", "columns"),
        ("yes: p_yes, ", "", 8, "stores.arrivals.standalone", "class 'true' has no probability", "add it"),
        ("binary", "regression", 8, "stores.arrivals.standalone", "regression model has no positive_class", "remove"),
        ("reference:", "averaging: weighted\n      reference:", 8, "stores.arrivals.standalone", "no averaging", "remo"),
        (
            "reference:", "features: {include: [arrived]}\n      reference:",
            8, "stores.arrivals.standalone", "the target and among features.include", "remove it there",
        ),
        (
            "reference:", "custom_metrics: {profit: profit}\n      reference:",
            14, "stores.arrivals.standalone.custom_metrics.profit", "names no function in a file", "file.py:function",
        ),
        (
            "      target: arrived\n      positive_class: yes\n      reference: scored:2024_01\n", "    performance: true\n",
            6, "stores.arrivals", "performance needs labels, and standalone names no target", "or remove performance",
        ),
        (
            "data: scored", "data: scored\n    drift: {methods: {age: ks}}",
            8, "stores.arrivals.drift.methods.age", "'ks' names no test", "evidently:wasserstein",
        ),
        (
            "data: scored", "data: scored\n    sampling: {where: [{column: age}]}",
            8, "stores.arrivals.sampling.where.0", "nothing is said of column 'age'", "add one of equals, one_of",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_named_with_line_field_and_remedy(
    file: Path, old: str, new: str, line: int, field: str, problem: str, remedy: str
) -> None:
    assert old in ELSEWHERE
    file.write_text(ELSEWHERE.replace(old, new, 1))
    with pytest.raises(ProjectFileError) as refused:
        load_project(file)
    error = refused.value
    assert (error.line, error.field) == (line, field)
    assert problem in error.problem
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("setting", "kind", "problem"),
    [
        ("threshold: 0.3", "multiclass", "a multiclass model has no threshold"),
        ("fairness: [{attribute: age}]", "regression", "a regression model has none"),
    ],
)
@pytest.mark.parametrize("standalone", [True, False])
def test_a_setting_of_the_store_has_to_fit_what_is_predicted_there(
    tmp_path: Path, setting: str, kind: str, problem: str, standalone: bool
) -> None:
    of_model, of_store = "models: {m: {target: y, prediction_type: KIND}}\n", "model: m"
    if standalone:
        of_model, of_store = "", "standalone: {prediction_type: KIND}"
    text = f"project: p\ndata: {{current: {{path: c.csv}}, training: {{path: t.csv}}}}\n{of_model}stores: {{s: {{{of_store}, {setting}}}}}\n"
    (tmp_path / "project.yaml").write_text(text.replace("KIND", kind))
    with pytest.raises(ProjectFileError, match=problem) as refused:
        load_project(tmp_path)
    assert refused.value.field == f"stores.s.{setting.partition(':')[0]}"
    (tmp_path / "project.yaml").write_text(text.replace("KIND", "binary"))
    assert load_project(tmp_path).prediction_type("s") is PredictionType.BINARY


def test_dates_in_conditions_need_no_quotes(file: Path) -> None:
    condition = "{column: day, at_least: 2024-01-31, below: 2024-02-01T06:00:00, equals: 2024-01-31}"
    file.write_text(ELSEWHERE.replace("data: scored", f"data: scored\n    sampling: {{where: [{condition}]}}"))
    (found,) = load_project(file).store("arrivals").sampling.where
    assert (found.at_least, found.below, found.equals) == ("2024-01-31", "2024-02-01T06:00:00", "2024-01-31")


def test_a_store_asks_for_labels_only_where_there_can_be_some(file: Path) -> None:
    file.write_text(ELSEWHERE.replace("      target: arrived\n", ""))
    assert not load_project(file).store("arrivals").asks_for_labels
    file.write_text(ELSEWHERE.replace("data: scored", "performance: false"))
    file.write_text(file.read_text().replace("    standalone:", "    data: scored\n    standalone:"))
    assert not load_project(file).store("arrivals").asks_for_labels


def register(engine: Engine, project: Project) -> None:
    with transaction(engine) as session:
        register_project(session, project, actor=WILL, at=NOON)


def test_a_project_without_models_is_registered_once_and_again_only_when_it_changes(world: World, file: Path) -> None:
    before = len(world.trail())
    for _ in range(2):
        register(world.engine, load_project(file))
    assert [tag for tag, _ in world.trail()][before:] == [Tag.PROJECT_REGISTERED]
    (row,) = [row for row in world.read(StoreRow) if row.name == "arrivals"]
    assert (row.model_id, row.performance) == (None, True)
    file.write_text(ELSEWHERE.replace("      target: arrived\n", ""))
    register(world.engine, load_project(file))
    assert [tag for tag, _ in world.trail()][before + 1 :] == [Tag.PROJECT_CHANGED]
    (row,) = [row for row in world.read(StoreRow) if row.name == "arrivals"]
    assert row.performance is False


def test_a_store_may_become_standalone_and_a_models_again(world: World) -> None:
    standalone = {"monthly": {"standalone": {"prediction_type": "binary"}}}
    of_model = {"monthly": {"model": "fraud"}}
    for stores, model in ((standalone, None), (of_model, world.model().id)):
        world.register(stores=stores)
        (row,) = world.read(StoreRow)
        assert row.model_id == model
