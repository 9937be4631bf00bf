"""The one pass over the rows: refused or judged, counted for drift, kept as outcomes and as a sample."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from governance.errors import NoUsableTarget
from governance.project_file import Sampling
from governance.vocabulary import PredictionType
from tasks.data.fingerprint import Watch
from tasks.data.sampling import Reservoir, Selection
from tasks.drift.tallies import CurrentColumns
from tasks.judging.outcomes import Outcomes
from tasks.judging.yardstick import WITHOUT_LABELS, Yardstick

if TYPE_CHECKING:
    import pandas as pd

    from tasks.data.sources import Source
    from tasks.drift.profile import ReferenceProfile

Progress = Callable[[str], object]

CHUNK_ROWS: Final = 16_384
"""Fewer than a reader takes by itself: each is predicted on, and several are in work at once."""

_KEPT: Final = 1
"""Which stream of the seed chooses the rows that are kept; another one than chooses those that are judged."""


def _let_go(_judged: pd.DataFrame) -> None:
    """Rows that nobody else wants."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows that were judged.

    Args:
        sample: Those that are kept, in the order of the file, typed, with their predictions; labels as the model knows
            them. The index is the position in the file, from 0.
        outcomes: All of them: see :meth:`tasks.judging.outcomes.Outcomes.frame`.
        columns: All of them, counted per column for drift; ``None`` without a reference.
        total_rows: Rows of the source.
        eligible_rows: Rows that fulfil the conditions of the sampling.
        fingerprint: SHA-256 of what was read.
        warnings: Sentences for whoever reads the evaluation.
    """

    sample: pd.DataFrame
    outcomes: pd.DataFrame
    columns: CurrentColumns | None
    total_rows: int
    eligible_rows: int
    fingerprint: str
    warnings: tuple[str, ...] = ()

    @property
    def judged_rows(self) -> int:
        """Rows that were judged."""
        return len(self.outcomes)

    @property
    def labelled_rows(self) -> int | None:
        """Judged rows with a label; ``None`` when labels were not asked for."""
        return int(self.outcomes["target"].notna().sum()) if "target" in self.outcomes else None


def judge_rows(
    source: Source,
    yardstick: Yardstick,
    sampling: Sampling,
    profile: ReferenceProfile | None,
    *,
    tell: Progress,
    take: Callable[[pd.DataFrame], object] = _let_go,
    chunk_rows: int = CHUNK_ROWS,
) -> Batch:
    """Read the rows once; everything else is computed from what this keeps.

    With ``full``, ``head`` and ``ratio`` no more is in memory than a chunk or two per core, the sample that is kept, the outcomes
    and the counts. ``random`` and ``class_rebalance`` hold the rows that they choose.

    Args:
        source: The data.
        yardstick: By what they are judged.
        sampling: Which rows are judged, and how many are kept.
        profile: Of the reference that the columns are counted for; ``None``: there is none.
        tell: Told after every chunk how far it has come.
        take: Is given all judged rows, chunk by chunk, e.g. to write them to a file.
        chunk_rows: Rows read at once, at least 1; has no influence on anything but memory.

    Raises:
        UnreadableFile, SchemaMismatch: as :class:`tasks.data.sampling.Selection` and :class:`Yardstick`; also when the
            file changed while it was read.
        NoUsableTarget: labels are asked for, and there is none.
    """
    cores = len(os.sched_getaffinity(0))
    with Watch(source) as watch, ThreadPoolExecutor(cores) as pool:
        selection = Selection(
            source,
            yardstick.columns_to_read(source),
            sampling,
            judge=lambda rows: yardstick.require(rows, source),
            chunk_rows=chunk_rows,
            digest=watch.digest,
        )
        outcomes, columns = Outcomes(yardstick), None if profile is None else CurrentColumns(profile)
        kept = Reservoir(sampling.kept_rows, np.random.default_rng([sampling.seed, _KEPT]))

        def collect(judged: pd.DataFrame) -> None:
            if columns is not None:
                columns.add(judged)
            take(judged)
            outcomes.add(judged)
            kept.add(judged)

        # Predicting takes longest. While all cores do it, the next rows are read; what comes out keeps its order.
        going_on: deque[Future[pd.DataFrame]] = deque()
        for whole in selection:
            # What was chosen may be many rows at once.
            for start in range(0, len(whole), chunk_rows):
                going_on.append(pool.submit(yardstick.judge, whole.iloc[start : start + chunk_rows], source))
                if len(going_on) > cores:
                    collect(going_on.popleft().result())
            tell(f"{selection.chosen_rows:,} of {selection.total_rows:,} rows judged")
        while going_on:
            collect(going_on.popleft().result())
        found = watch.fingerprint()
    sample = kept.frames()[0]
    batch = Batch(sample, outcomes.frame(), columns, selection.total_rows, selection.eligible_rows, found)
    if batch.labelled_rows == 0:
        raise NoUsableTarget(
            source.path,
            yardstick.schema.target,
            f"none of {batch.judged_rows:,} rows has a label",
            WITHOUT_LABELS,
        )
    return batch


def counted_rows(batch: Batch) -> dict[str, int]:
    """How many rows there were, fulfilled the conditions, were judged, and are kept."""
    return {
        "total": batch.total_rows,
        "eligible": batch.eligible_rows,
        "judged": batch.judged_rows,
        "kept": len(batch.sample),
    }


def with_correctness(judged: pd.DataFrame, yardstick: Yardstick) -> pd.DataFrame:
    """Judged rows, for classes with ``prediction_correct`` where labels are asked for; missing where there is none."""
    schema = yardstick.schema
    if not yardstick.labelled or schema.prediction_type is PredictionType.REGRESSION:
        return judged
    correct = (judged["prediction"] == judged[schema.target]).astype("boolean")
    return judged.assign(prediction_correct=correct.where(judged[schema.target].notna()))
