"""From the settings of a model to an unfitted scikit-learn pipeline. Only scikit-learn's own classes are ever used."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from inspect import isabstract, isclass
from typing import TYPE_CHECKING, Any, Final

from governance.errors import TrainingImpossible
from governance.vocabulary import Handling, PredictionType
from tasks.data.schema import canonical_label

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

    from governance.project_file import ModelSettings
    from tasks.data.schema import Schema

DEFAULT: Final = "default"

FEW_LEVELS: Final = 50
"""Up to here a category is split natively; beyond, splits on sets of levels overfit and the target's mean is used."""

ONE_HOT_LEVELS: Final = 100
"""Most frequent levels that get a column of their own in front of an estimator that was named."""

FOLDS: Final = 5
"""Of the cross-fitted encoding: a row's category is encoded by the labels of the other folds."""

DEFAULT_PARAMETERS: Final[Mapping[str, Any]] = {
    # Without early stopping: it would hold rows back, and it fails when a class has a single row.
    "early_stopping": False,
    "max_iter": 200,
    "learning_rate": 0.06,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 40,
    "l2_regularization": 1.0,
}
"""Many small, slow, well-filled trees: the gap between fit and test part stays small, 60,000 rows take seconds."""


def build_pipeline(
    settings: ModelSettings, schema: Schema, model_name: str, unusable: Collection[str] = frozenset()
) -> Pipeline:
    """The unfitted pipeline that takes frames of :func:`tasks.data.conform.model_matrix`.

    ``default`` is histogram gradient boosting, which knows missing values by itself. Categories of few levels
    are split natively; those of many are replaced by the mean target of their level, cross-fitted so that no
    row sees its own label. Any other estimator gets numbers imputed by the median (with an indicator) and
    scaled, and categories one-hot. Levels that training never saw, and missing ones, never raise.

    Args:
        settings: ``estimator``, ``parameters``, and ``split.seed``, which seeds what is random in the pipeline.
        schema: The features, and the levels that decide how a category is encoded.
        model_name: For the errors.
        unusable: Features that ``default`` leaves out, since nearly all their values are missing.

    Returns:
        A pipeline of ``encode`` and ``estimator``; classifiers have ``predict_proba``.

    Raises:
        TrainingImpossible: the path names no scikit-learn estimator of the right kind, a parameter is unknown,
            or no feature is left.

    Source:
        Micci-Barreca (2001), A preprocessing scheme for high-cardinality categorical attributes;
        https://scikit-learn.org/stable/modules/preprocessing.html#target-encoder
    """
    if not schema.features:
        raise TrainingImpossible(model_name, "no feature is left", "name some under features.include")
    if settings.estimator == DEFAULT:
        return _default_pipeline(settings, schema, model_name, frozenset(unusable))
    return _named_pipeline(settings, schema, model_name)


def _default_pipeline(settings: ModelSettings, schema: Schema, model_name: str, unusable: Collection[str]) -> Pipeline:
    import numpy as np
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder, TargetEncoder

    if "categorical_features" in settings.parameters:
        raise TrainingImpossible(
            model_name,
            "categorical_features follows from the handling of the columns",
            "remove it from parameters and say features.handling",
        )
    numbers, categories = _by_handling(schema, unusable)
    if not numbers and not categories:
        raise TrainingImpossible(
            model_name, "nearly all values of every feature are missing in the part to fit on", "give it other data"
        )
    few = [name for name in categories if len(schema.categories.get(name, ())) in range(1, FEW_LEVELS + 1)]
    many = [name for name in categories if name not in few]
    regression = schema.prediction_type is PredictionType.REGRESSION
    folds = (KFold if regression else StratifiedKFold)(FOLDS, shuffle=True, random_state=settings.split.seed)
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    # "auto" counts the classes that there are to fit on, which may be fewer than the schema knows.
    target_type = "continuous" if regression else "auto"
    encode = ColumnTransformer(
        [
            # The codes come first: their positions are the categorical features of the estimator.
            ("codes", codes, few),
            ("target_means", TargetEncoder(target_type=target_type, cv=folds), many),
            ("numbers", "passthrough", numbers),
        ]
    )
    kind = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    estimator = _instantiate(kind, {**DEFAULT_PARAMETERS, **settings.parameters}, settings.split.seed, model_name)
    if few:
        estimator.set_params(categorical_features=list(range(len(few))))
    return Pipeline([("encode", encode), ("estimator", estimator)])


def _named_pipeline(settings: ModelSettings, schema: Schema, model_name: str) -> Pipeline:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    kind = _estimator_class(settings.estimator, model_name)
    estimator = _instantiate(kind, settings.parameters, settings.split.seed, model_name)
    regression = schema.prediction_type is PredictionType.REGRESSION
    _require_kind(estimator, settings.estimator, schema.prediction_type, model_name)
    if not regression and not hasattr(estimator, "predict_proba"):
        # Margins say nothing about probability until they are calibrated, and every metric here rests on it.
        estimator = CalibratedClassifierCV(estimator, ensemble=False)
    numbers, categories = _by_handling(schema, frozenset())
    scaled = Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
            ("scale", StandardScaler()),
        ]
    )
    one_hot = OneHotEncoder(
        max_categories=ONE_HOT_LEVELS + 1,  # the last one stands for all that are less frequent
        handle_unknown="infrequent_if_exist",
        sparse_output=False,  # several estimators refuse sparse matrices
    )
    encode = ColumnTransformer([("numbers", scaled, numbers), ("one_hot", one_hot, categories)], sparse_threshold=0)
    return Pipeline([("encode", encode), ("estimator", estimator)])


def _by_handling(schema: Schema, unusable: Collection[str]) -> tuple[list[str], list[str]]:
    """Names of the features that are numbers to the estimator, and of those that are categories."""
    usable = [column for column in schema.features if column.name not in unusable]
    numeric = (Handling.NUMERICAL, Handling.DATE)
    numbers = [column.name for column in usable if column.handling in numeric]
    return numbers, [column.name for column in usable if column.handling not in numeric]


def _estimator_class(path: str, model_name: str) -> type[BaseEstimator]:
    from sklearn.base import BaseEstimator

    module_name, _, class_name = path.rpartition(".")
    remedy = "use 'default' or a path such as sklearn.linear_model.LogisticRegression"
    if not module_name.startswith("sklearn."):
        # What is stored must be loadable without trusting code of anyone but scikit-learn.
        raise TrainingImpossible(model_name, f"the estimator {path!r} is not one of scikit-learn", remedy)
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise TrainingImpossible(model_name, f"there is no module {module_name!r}", remedy) from error
    found = getattr(module, class_name, None)
    if not isclass(found) or not issubclass(found, BaseEstimator) or isabstract(found):
        known = [name for name in dir(module) if isclass(c := getattr(module, name)) and issubclass(c, BaseEstimator)]
        near = _nearest(class_name, known)
        raise TrainingImpossible(
            model_name,
            f"there is no estimator {class_name!r} in {module_name}",
            f"write {module_name}.{near}" if near else remedy,
        )
    return found


def _instantiate(kind: type[BaseEstimator], parameters: Mapping[str, Any], seed: int, model_name: str) -> BaseEstimator:
    known: Sequence[str] = kind._get_param_names()
    for name in parameters:
        if name not in known:
            near = _nearest(name, known)
            raise TrainingImpossible(
                model_name,
                f"{kind.__name__} has no parameter {name!r}",
                f"write {near!r}" if near else f"use one of {', '.join(known) or '(it has none)'}",
            )
    chosen = dict(parameters)
    if isinstance(chosen.get("class_weight"), dict):
        # YAML reads the labels 0 and 1 as numbers; ours are text.
        chosen["class_weight"] = {canonical_label(label): weight for label, weight in chosen["class_weight"].items()}
    if "random_state" in known:
        chosen.setdefault("random_state", seed)
    try:
        return kind(**chosen)
    except TypeError as error:
        raise TrainingImpossible(
            model_name,
            f"{kind.__name__} can't be made from these parameters ({error})",
            "give what it needs under parameters, or choose another estimator",
        ) from error


def _require_kind(estimator: BaseEstimator, path: str, prediction_type: PredictionType, model_name: str) -> None:
    from sklearn.base import is_classifier, is_regressor

    regression = prediction_type is PredictionType.REGRESSION
    if is_regressor(estimator) if regression else is_classifier(estimator):
        return
    is_a = "a classifier" if is_classifier(estimator) else "a regressor" if is_regressor(estimator) else "neither"
    needed = "a regressor" if regression else "a classifier"
    raise TrainingImpossible(
        model_name,
        f"the target is for {prediction_type} and {path} is {is_a}" + (" of the two" if is_a == "neither" else ""),
        f"choose {needed}",
    )


def _nearest(name: str, known: Sequence[str]) -> str | None:
    return next(iter(get_close_matches(name, known, n=1)), None)
