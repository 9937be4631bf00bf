from __future__ import annotations

import io
import json
import os
import pickle
import sys
import zipfile
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from governance.errors import ContentAltered, TrainingImpossible
from tasks.learning.fit import train_model
from tasks.learning.persistence import load_model, save_model
from tasks.learning.prediction import FittedModel, predict


@pytest.fixture(scope="module")
def stored(tmp_path_factory, rows, schema, settings):
    model = train_model(rows(), "m", settings(), schema(), "f.csv").fitted
    file = tmp_path_factory.mktemp("version") / "model.skops"
    return model, file, save_model(model, file)


def load_with_its_own_hash(file, model):
    """As if a forger had changed the record, too."""
    return load_model(file, sha256(file.read_bytes()).hexdigest(), model.schema, model.threshold)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("estimator", ["default", "linear", "forest"])
def test_what_is_loaded_predicts_exactly_as_what_was_saved(kind, estimator, rows, schema, settings, tmp_path):
    path = {
        "linear": "sklearn.linear_model." + ("Ridge" if kind == "regression" else "LogisticRegression"),
        "forest": "sklearn.ensemble.RandomForest" + ("Regressor" if kind == "regression" else "Classifier"),
    }
    fields = {} if estimator == "default" else {"estimator": path[estimator]}
    if estimator == "forest":
        fields["parameters"] = {"n_estimators": 5}
    model = train_model(rows(kind), "m", settings(kind, **fields), schema(kind), "f.csv")
    digest = save_model(model, tmp_path / "model.skops")
    loaded = load_model(tmp_path / "model.skops", digest, model.schema, model.threshold)
    fresh = rows(kind, seed=1).assign(country="new")
    pd.testing.assert_frame_equal(predict(loaded, fresh), predict(model.fitted, fresh), check_exact=True)


@pytest.mark.parametrize(
    ("kind", "path", "parameters"),
    [
        ("binary", "sklearn.svm.LinearSVC", {}),
        ("binary", "sklearn.neural_network.MLPClassifier", {"max_iter": 200, "solver": "sgd", "tol": 0.1}),
        ("binary", "sklearn.neural_network.MLPClassifier", {"max_iter": 200, "tol": 0.1}),
        ("binary", "sklearn.neighbors.KNeighborsClassifier", {}),
        ("binary", "sklearn.neighbors.KNeighborsClassifier", {"algorithm": "ball_tree", "p": 1}),
        ("binary", "sklearn.neighbors.KNeighborsClassifier", {"algorithm": "kd_tree", "p": 3}),
        ("binary", "sklearn.neighbors.KNeighborsClassifier", {"algorithm": "kd_tree", "metric": "chebyshev"}),
        ("binary", "sklearn.ensemble.GradientBoostingClassifier", {"n_estimators": 5}),
        ("binary", "sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 5}),
        ("binary", "sklearn.ensemble.AdaBoostClassifier", {"n_estimators": 5}),
        ("binary", "sklearn.linear_model.SGDClassifier", {"loss": "log_loss"}),
        ("binary", "sklearn.naive_bayes.GaussianNB", {}),
        ("regression", "sklearn.svm.SVR", {}),
        ("regression", "sklearn.linear_model.TweedieRegressor", {}),
        ("regression", "sklearn.linear_model.TweedieRegressor", {"link": "log"}),
        ("regression", "sklearn.ensemble.HistGradientBoostingRegressor", {"max_iter": 5, "loss": "absolute_error"}),
    ],
)
def test_the_estimators_people_name_can_be_stored(kind, path, parameters, rows, schema, settings, tmp_path):
    frame, few = rows(kind, rows=150), schema(kind, only=("amount", "country"))
    model = train_model(frame, "m", settings(kind, estimator=path, parameters=parameters), few, "f.csv")
    digest = save_model(model, tmp_path / "model.skops")
    loaded = load_model(tmp_path / "model.skops", digest, few, None)
    pd.testing.assert_frame_equal(predict(loaded, frame), predict(FittedModel(model.pipeline, few, None), frame))


def test_the_hash_is_of_the_file_that_was_written(stored):
    _, file, digest = stored
    assert sha256(file.read_bytes()).hexdigest() == digest


def test_one_flipped_bit_anywhere_is_refused(stored, tmp_path):
    model, file, digest = stored
    content = file.read_bytes()
    for place in (0, len(content) // 3, len(content) // 2, len(content) - 1):
        altered = bytearray(content)
        altered[place] ^= 1
        (tmp_path / "model.skops").write_bytes(altered)
        with pytest.raises(ContentAltered, match="SHA-256"):
            load_model(tmp_path / "model.skops", digest, model.schema, model.threshold)


def test_a_file_with_another_hash_is_not_even_parsed(stored, monkeypatch):
    model, file, _ = stored
    monkeypatch.setattr(skops.io, "get_untrusted_types", lambda **_: pytest.fail("the file was parsed"))
    with pytest.raises(ContentAltered):
        load_model(file, "0" * 64, model.schema, model.threshold)


def test_the_bytes_that_are_checked_are_the_bytes_that_are_built(stored, tmp_path, monkeypatch, rows):
    model, file, digest = stored
    copy = tmp_path / "model.skops"
    copy.write_bytes(file.read_bytes())
    read_bytes = type(copy).read_bytes

    def read_then_be_replaced(self):
        content = read_bytes(self)
        self.write_bytes(b"somebody else's")
        return content

    monkeypatch.setattr(type(copy), "read_bytes", read_then_be_replaced)
    loaded = load_model(copy, digest, model.schema, model.threshold)
    pd.testing.assert_frame_equal(predict(loaded, rows()), predict(model, rows()), check_exact=True)


def test_an_absent_file_is_refused(stored, tmp_path):
    model, _, digest = stored
    with pytest.raises(ContentAltered, match="No such file"):
        load_model(tmp_path / "nothing.skops", digest, model.schema, model.threshold)


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.mkdir, (str(self.file),)


def test_a_pickle_is_refused_and_never_run(stored, tmp_path):
    model, *_ = stored
    (tmp_path / "model.skops").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(ContentAltered, match="a skops file"):
        load_with_its_own_hash(tmp_path / "model.skops", model)
    assert not (tmp_path / "sprung").exists()
    pickle.loads((tmp_path / "model.skops").read_bytes())  # noqa: S301  the trap does work
    assert (tmp_path / "sprung").exists()


def test_a_skops_file_that_names_a_foreign_function_is_refused_by_name(stored, tmp_path):
    model, *_ = stored
    pipeline = Pipeline([("evil", FunctionTransformer(os.system)), ("estimator", LogisticRegression())])
    skops.io.dump(pipeline, tmp_path / "model.skops")
    with pytest.raises(ContentAltered, match=r"found posix\.system"):
        load_with_its_own_hash(tmp_path / "model.skops", model)
    with pytest.raises(TrainingImpossible, match=r"posix\.system"):
        save_model(FittedModel(pipeline, model.schema, None), tmp_path / "other.skops")
    assert not (tmp_path / "other.skops").exists()


def test_a_module_that_a_forged_file_names_is_not_imported(stored, tmp_path, monkeypatch):
    model, *_ = stored
    (tmp_path / "driftgate_trap.py").write_text("class Evil: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    content = io.BytesIO()
    skops.io.dump(Pipeline([("estimator", LogisticRegression())]), content)
    with zipfile.ZipFile(content) as honest, zipfile.ZipFile(tmp_path / "model.skops", "w") as forged:
        state = json.loads(honest.read("schema.json"))
        state["__module__"], state["__class__"] = "driftgate_trap", "Evil"
        forged.writestr("schema.json", json.dumps(state))
        for name in set(honest.namelist()) - {"schema.json"}:
            forged.writestr(name, honest.read(name))
    with pytest.raises(ContentAltered, match=r"driftgate_trap\.Evil"):
        load_with_its_own_hash(tmp_path / "model.skops", model)
    assert "driftgate_trap" not in sys.modules


@pytest.mark.parametrize("schema_json", [None, b"", b"{", b"[]", b"{}", b'{"__loader__": "NoSuchNode"}', b"\xff"])
def test_a_zip_that_is_no_skops_file_is_refused(schema_json, stored, tmp_path):
    model, *_ = stored
    with zipfile.ZipFile(tmp_path / "model.skops", "w") as forged:
        forged.writestr("other.txt", "x")
        if schema_json is not None:
            forged.writestr("schema.json", schema_json)
    with pytest.raises(ContentAltered, match="a skops file"):
        load_with_its_own_hash(tmp_path / "model.skops", model)


def test_a_skops_file_of_something_else_than_a_pipeline_is_refused(stored, tmp_path):
    model, *_ = stored
    skops.io.dump({"weights": np.ones(3)}, tmp_path / "model.skops")
    with pytest.raises(ContentAltered, match="a scikit-learn Pipeline"):
        load_with_its_own_hash(tmp_path / "model.skops", model)
