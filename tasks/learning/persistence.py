"""Writing a fitted pipeline, and reading it back without trusting the file.

The order matters: the bytes are read once, compared with the recorded hash, then searched for the names of the
types they would build, and only then built. Nothing of a file is parsed before its hash is right.
"""

from __future__ import annotations

import os
from hashlib import sha256 as sha256_of
from typing import TYPE_CHECKING, Final, Protocol
from zipfile import BadZipFile

from governance.errors import ContentAltered, TrainingImpossible
from tasks.learning.prediction import FittedModel

if TYPE_CHECKING:
    from pathlib import Path

    from sklearn.pipeline import Pipeline

    from tasks.data.schema import Schema

ALLOWED_TYPES: Final[frozenset[str]] = frozenset(
    {
        "functools.partial",
        "numpy.dtype",
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.metrics._dist_metrics.ChebyshevDistance64",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.metrics._dist_metrics.ManhattanDistance64",
        "sklearn.metrics._dist_metrics.MinkowskiDistance64",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils.validation.check_array",
    }
)
"""What fitted scikit-learn estimators hold beyond what skops trusts by itself.

skops leaves trees out because their arrays are followed without bounds checks, so that a forged tree can crash the
process; here the hash has been checked before. A ``functools.partial`` can only call what is trusted, too.
"""


class HasPipeline(Protocol):
    """What has a fitted pipeline."""

    @property
    def pipeline(self) -> Pipeline: ...  # noqa: D102


def save_model(model: HasPipeline, file: Path) -> str:
    """Write the pipeline of a model as a skops file, and flush it to the disk.

    Args:
        model: Only its ``pipeline`` is written; schema and threshold travel in the manifest.
        file: To be written, as ``model.skops``; its folder exists. An existing file is replaced.

    Returns:
        SHA-256 of the bytes written, 64 hexadecimal digits. Saving the same model twice gives two hashes.

    Raises:
        TrainingImpossible: the estimator holds types that :func:`load_model` would refuse; nothing was written.
    """
    import skops.io

    content: bytes = skops.io.dumps(model.pipeline)
    foreign = _foreign_types(content)
    if foreign:
        estimator = type(model.pipeline[-1]).__name__
        raise TrainingImpossible(
            estimator,
            f"the fitted estimator holds what can't be loaded safely ({', '.join(foreign)})",
            "choose another estimator, or other parameters",
        )
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return sha256_of(content).hexdigest()


def load_model(file: Path, sha256: str, schema: Schema, threshold: float | None) -> FittedModel:
    """Read a pipeline back, if the file is what was recorded and builds nothing but scikit-learn.

    Args:
        file: As :func:`save_model` wrote it.
        sha256: As :func:`save_model` returned it.
        schema: From the manifest.
        threshold: From the manifest; ``None`` unless binary.

    Raises:
        ContentAltered: the file is absent, its hash differs, it is no skops file, or it names a type that is
            not allowed. Nothing that the file names was imported or run for its sake in any of these cases.

    Source:
        https://skops.readthedocs.io/en/stable/persistence.html
    """
    import skops.io
    from sklearn.pipeline import Pipeline

    subject = str(file)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ContentAltered(subject, "the model", f"SHA-256 {sha256}", error.strerror or str(error)) from error
    found = sha256_of(content).hexdigest()
    if found != sha256:
        raise ContentAltered(subject, "the model", f"SHA-256 {sha256}", found)
    try:
        foreign = _foreign_types(content)
    except (BadZipFile, LookupError, ValueError, TypeError, AttributeError, ImportError) as error:
        raise ContentAltered(subject, "the format", "a skops file", f"{type(error).__name__}: {error}") from error
    if foreign:
        raise ContentAltered(subject, "the model", "types of scikit-learn only", ", ".join(foreign))
    pipeline = skops.io.loads(content, trusted=sorted(ALLOWED_TYPES))
    if not isinstance(pipeline, Pipeline):
        raise ContentAltered(subject, "the model", "a scikit-learn Pipeline", type(pipeline).__name__)
    return FittedModel(pipeline, schema, threshold)


def _foreign_types(content: bytes) -> list[str]:
    """Names of the types in a skops file that neither skops nor :data:`ALLOWED_TYPES` trusts."""
    import skops.io

    return [name for name in skops.io.get_untrusted_types(data=content) if name not in ALLOWED_TYPES]
