"""What a batch is held against, as a store wants it: another threshold, another handling, or rows of a source of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from governance.project_file import Drift, Sampling
from governance.vocabulary import SamplingMethod
from tasks.data.sampling import Selection
from tasks.data.sources import read_header
from tasks.data.telling import Progress
from tasks.drift.profile import ReferenceProfile, fit_profile, with_handling
from tasks.judging.brought import with_threshold
from tasks.judging.outcomes import Outcomes

if TYPE_CHECKING:
    import pandas as pd

    from tasks.data.schema import Schema
    from tasks.data.sources import Source
    from tasks.judging.yardstick import Yardstick

REFERENCE_ROWS: Final = 50_000
"""Rows of a source that are taken as reference, at most; a version keeps as many by default."""


def read_reference(source: Source, yardstick: Yardstick) -> pd.DataFrame:
    """The reference of a standalone store.

    Args:
        source: What the store names as reference.
        yardstick: By which the data are judged; labels, weights and watched columns are taken where the source has them.

    Returns:
        At most 50,000 rows, chosen with a fixed seed, judged as the data are.

    Raises:
        UnreadableFile, SchemaMismatch: as :class:`tasks.data.sampling.Selection`, naming the reference.
    """
    import pandas as pd

    header = read_header(source)
    labelled = yardstick.schema.target in header
    weighted = yardstick.weight_column in header
    own = replace(yardstick, labelled=labelled, weight_column=yardstick.weight_column if weighted else None)
    rows = Selection(
        source,
        own.columns_to_read(source),
        Sampling(method=SamplingMethod.RANDOM, rows=REFERENCE_ROWS),
        judge=lambda chunk: own.require(chunk, source),
    )
    return own.judge(pd.concat(list(rows)), source).reset_index(drop=True)


def at_threshold(reference: pd.DataFrame, schema: Schema, threshold: float) -> pd.DataFrame:
    """The reference as the model would have predicted it with another threshold; unchanged without probabilities."""
    if f"proba_{schema.classes[1]}" not in reference:
        return reference
    return with_threshold(reference, schema, threshold)


def suited(
    profile: ReferenceProfile | None,
    reference: pd.DataFrame,
    schema: Schema,
    drift: Drift,
    *,
    predicted_anew: bool,
    progress: Progress,
) -> ReferenceProfile:
    """The profile of a reference, as a store compares with it.

    Args:
        profile: As the version keeps it; ``None``: it is computed here, which takes seconds.
        reference: Its rows, with the predictions that count.
        schema: Of the model.
        drift: Settings of the store; columns whose handling they force are profiled again.
        predicted_anew: Whether the predictions of the reference are others than those that the profile knows.
        progress: Told what is being done, and the share of it, 0 to 1.

    Raises:
        SchemaMismatch: ``drift.handling`` names no feature.
    """
    if profile is None:
        return fit_profile(reference, schema, drift.handling, progress=progress)
    if predicted_anew:
        only_predictions = replace(schema, features=(), categories={})
        fitted = fit_profile(reference, only_predictions, calibrate=False)
        profile = replace(profile, predictions=fitted.predictions)
    return with_handling(profile, reference, schema, drift.handling) if drift.handling else profile


def outcomes_of(reference: pd.DataFrame, yardstick: Yardstick) -> pd.DataFrame | None:
    """The reference in the form of outcomes; ``None`` when it has no labels or no predictions."""
    schema = yardstick.schema
    if schema.target not in reference or "prediction" not in reference:
        return None
    weighted = yardstick.weight_column in reference
    outcomes = Outcomes(
        replace(yardstick, labelled=True, weight_column=yardstick.weight_column if weighted else None, watched={})
    )
    outcomes.add(reference)
    return outcomes.frame()
