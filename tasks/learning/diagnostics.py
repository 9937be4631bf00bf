"""What is suspicious about a trained model: warnings that are stored with its version.

Assertions on parts of the data, which would be one more, have no place in ``project.yaml`` to be declared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from governance.vocabulary import Measurement, PredictionType
from tasks.metrics.intervals import SIGNIFICANCE

if TYPE_CHECKING:
    import pandas as pd

SMALL_TEST_ROWS: Final = 400
"""With 385 rows the 95 % interval of a share is 5 points wide to each side at worst: 1.96² / 4 / 0.05²."""

SMALL_TEST_ROWS_OF_CLASS: Final = 10
SMALL_TRAIN_ROWS: Final = 1_000
IMBALANCE_RATIO: Final = 20
DROPPED_SHARE: Final = 0.5
OVERFIT_GAP: Final[Mapping[str, float]] = {"roc_auc": 0.1, "r2": 0.2}
LEAKAGE_AUC: Final = 0.98
LEAKAGE_IMPORTANCE: Final = 0.8
CONSTANT_SHARE: Final = 0.1
"""Almost always the same class: fewer than this share of the rows of the other classes are predicted in one of them."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One warning: ``name`` for machines, ``message`` as a sentence with the numbers and what to do."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What training found out.

    Args:
        prediction_type: What the model predicts.
        train_target: Labels that were fitted on, shape (train rows,), none missing.
        test_target: Labels that were measured on, shape (test rows,), none missing.
        test_predictions: Shape (test rows,), in the order of ``test_target``.
        train_measurements: Performance on rows that were fitted on.
        test_measurements: Performance on the test part.
        importances: Share of each feature, 0 to 1.
        dropped_rows: Rows of the data that could not be used.
        left_out: Features that the estimator could not use.
    """

    prediction_type: PredictionType
    train_target: pd.Series
    test_target: pd.Series
    test_predictions: pd.Series
    train_measurements: Sequence[Measurement]
    test_measurements: Sequence[Measurement]
    importances: Mapping[str, float]
    dropped_rows: int = 0
    left_out: Sequence[str] = ()

    @property
    def is_classification(self) -> bool:
        """Whether the model predicts classes."""
        return self.prediction_type is not PredictionType.REGRESSION

    def test(self, metric: str) -> Measurement | None:
        """A metric of the test part, if it has a value."""
        return _find(self.test_measurements, metric)

    def train(self, metric: str) -> Measurement | None:
        """A metric of the rows that were fitted on, if it has a value."""
        return _find(self.train_measurements, metric)


def diagnose(evidence: Evidence) -> list[Diagnostic]:
    """Every rule of :data:`RULES` that finds something, in their order; empty is good."""
    found = ((name, rule(evidence)) for name, rule in RULES.items())
    return [Diagnostic(name, message) for name, message in found if message is not None]


def _find(measurements: Sequence[Measurement], metric: str) -> Measurement | None:
    return next((m for m in measurements if m.name == metric and m.value is not None), None)


def _test_set_too_small(evidence: Evidence) -> str | None:
    rows = len(evidence.test_target)
    if rows < SMALL_TEST_ROWS:
        return (
            f"The test part has {rows:,} rows, fewer than {SMALL_TEST_ROWS}: its metrics are uncertain; "
            "train on more rows, or raise split.test_share."
        )
    if not evidence.is_classification:
        return None
    counts = evidence.test_target.value_counts().reindex(evidence.train_target.unique(), fill_value=0)
    if counts.min() < SMALL_TEST_ROWS_OF_CLASS:
        return (
            f"The test part has {counts.min()} rows of class {counts.idxmin()!r}, fewer than "
            f"{SMALL_TEST_ROWS_OF_CLASS}: its metrics are uncertain; train on more rows, or raise split.test_share."
        )
    return None


def _few_training_rows(evidence: Evidence) -> str | None:
    rows = len(evidence.train_target)
    if rows >= SMALL_TRAIN_ROWS:
        return None
    return f"The model was fitted on {rows:,} rows, fewer than {SMALL_TRAIN_ROWS:,}: collect more."


def _target_distribution_differs(evidence: Evidence) -> str | None:
    from scipy.stats import chi2_contingency, ks_2samp

    train, test = evidence.train_target, evidence.test_target
    if evidence.is_classification:
        labels = sorted({*train, *test})
        counts = [part.value_counts().reindex(labels, fill_value=0).to_numpy() for part in (train, test)]
        test_name, p_value = "chi-squared", float(chi2_contingency(counts).pvalue)
    else:
        test_name, p_value = "Kolmogorov-Smirnov", float(ks_2samp(train, test).pvalue)
    if p_value >= SIGNIFICANCE:
        return None
    return (
        f"The target is distributed differently in the part fitted on and the test part ({test_name} test, "
        f"p = {p_value:.2g}): the metrics are of other data than the model learned from; look at how the data are split."
    )


def _strong_imbalance(evidence: Evidence) -> str | None:
    if not evidence.is_classification:
        return None
    counts = evidence.train_target.value_counts()
    if counts.max() <= IMBALANCE_RATIO * counts.min():
        return None
    return (
        f"Class {counts.idxmax()!r} has {counts.max():,} rows and {counts.idxmin()!r} only {counts.min():,}: accuracy "
        "says little here; look at average_precision, and choose the threshold with threshold: max_f1."
    )


def _rows_dropped(evidence: Evidence) -> str | None:
    total = len(evidence.train_target) + len(evidence.test_target) + evidence.dropped_rows
    if evidence.dropped_rows <= DROPPED_SHARE * total:
        return None
    return (
        f"{evidence.dropped_rows:,} of {total:,} rows have no label and were dropped: "
        "make sure that labels are not missing for a reason."
    )


def _feature_left_out(evidence: Evidence) -> str | None:
    if not evidence.left_out:
        return None
    return (
        f"Nearly all values of {', '.join(evidence.left_out)} are missing in the part fitted on, so the model leaves "
        "them out: exclude them under features.exclude, or mend the data."
    )


def _overfit(evidence: Evidence) -> str | None:
    metric = "roc_auc" if evidence.is_classification else "r2"
    train, test = evidence.train(metric), evidence.test(metric)
    if train is None or test is None or train.value is None or test.value is None:
        return None
    # A test part so small that its interval reaches the other value proves nothing.
    uncertain = test.upper is not None and test.upper >= train.value
    if train.value - test.value <= OVERFIT_GAP[metric] or uncertain:
        return None
    return (
        f"{metric} is {train.value:.3f} on rows that were fitted on and {test.value:.3f} on the test part: "
        "the model has learned rows by heart; simplify or regularise it, or collect more rows."
    )


def _leakage(evidence: Evidence) -> str | None:
    auc = evidence.test("roc_auc")
    if auc is not None and auc.value is not None and auc.value > LEAKAGE_AUC:
        return (
            f"roc_auc on the test part is {auc.value:.4f}, above {LEAKAGE_AUC}: too good to be true; "
            "look for a feature that is known only after the target, and exclude it under features.exclude."
        )
    # With a single feature all the importance is its own; shares of a model that has learned nothing are noise.
    if len(evidence.importances) < 2 or _no_better_than_dummy(evidence) is not None:
        return None
    feature = max(evidence.importances, key=lambda name: evidence.importances[name])
    share = evidence.importances[feature]
    if share <= LEAKAGE_IMPORTANCE:
        return None
    return (
        f"{feature!r} has {share:.0%} of the importance, more than {LEAKAGE_IMPORTANCE:.0%}: "
        "if it is known only after the target, exclude it under features.exclude."
    )


def _no_better_than_dummy(evidence: Evidence) -> str | None:
    if not evidence.is_classification:
        mse = evidence.test("mse")
        dummy = float(((evidence.test_target - evidence.train_target.mean()) ** 2).mean())
        if mse is None or mse.value is None or mse.value < dummy:
            return None
        return (
            f"mse on the test part is {mse.value:.4g}, and always predicting the mean gives {dummy:.4g}: "
            "the model has learned nothing; look for features that say something about the target."
        )
    # Accuracy would not do: under imbalance a dummy's is high. Ranking by chance gives 0.5 whatever the balance.
    auc = evidence.test("roc_auc")
    if auc is None or auc.value is None or (auc.value if auc.lower is None else auc.lower) > 0.5:
        return None
    interval = "" if auc.lower is None or auc.upper is None else f" (between {auc.lower:.3f} and {auc.upper:.3f})"
    return (
        f"roc_auc on the test part is {auc.value:.3f}{interval}, not above the 0.5 of a dummy: "
        "the model has learned nothing; look for features that say something about the target."
    )


def _negative_r2(evidence: Evidence) -> str | None:
    r2 = evidence.test("r2")
    if r2 is None or r2.value is None or r2.value >= 0:
        return None
    return f"r2 on the test part is {r2.value:.3f}, below 0: the mean of the target predicts better than the model."


def _almost_constant_prediction(evidence: Evidence) -> str | None:
    if not evidence.is_classification:
        return None
    counts = evidence.test_predictions.value_counts()
    label, rows = counts.idxmax(), len(evidence.test_target)
    predicted = rows - int(counts.max())
    actual = int((evidence.test_target != label).sum())
    # Held against the labels: with one fraud in a thousand rows a good model, too, nearly always says "no".
    if predicted >= CONSTANT_SHARE * actual:
        return None
    return (
        f"The model predicts {label!r} for {rows - predicted:,} of {rows:,} test rows, although {actual:,} of them are "
        "of another class: change the threshold (threshold: max_f1 for binary), or the weight of the classes."
    )


RULES: Final[Mapping[str, Callable[[Evidence], str | None]]] = {
    "test_set_too_small": _test_set_too_small,
    "few_training_rows": _few_training_rows,
    "target_distribution_differs": _target_distribution_differs,
    "strong_imbalance": _strong_imbalance,
    "rows_dropped": _rows_dropped,
    "feature_left_out": _feature_left_out,
    "overfit": _overfit,
    "leakage": _leakage,
    "no_better_than_dummy": _no_better_than_dummy,
    "negative_r2": _negative_r2,
    "almost_constant_prediction": _almost_constant_prediction,
}
"""Every diagnostic there is: its name, and the rule that gives its message or nothing."""
