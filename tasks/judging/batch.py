"""The one pass over the rows: refused or judged, counted for drift, kept as outcomes and as a sample."""

from __future__ import annotations

import os
import threading
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
from tasks.data.telling import Progress
from tasks.drift.tallies import CurrentColumns
from tasks.judging.outcomes import Outcomes
from tasks.judging.yardstick import WITHOUT_LABELS, Yardstick
from tasks.learning.prediction import CORRECT

if TYPE_CHECKING:
    import pandas as pd

    from tasks.data.sources import Source
    from tasks.drift.profile import ReferenceProfile

CHUNK_BYTES: Final = 8 << 20
"""Of the rows that are read at once, about: each chunk is predicted on, and several are in work at once."""

_MOST_CHUNK_ROWS: Final = 131_072

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
    chunk_rows: int | None = None,
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
        chunk_rows: Rows read at once, at least 1; default: as many as make :data:`CHUNK_BYTES`. Has no influence on
            anything but memory.

    Raises:
        UnreadableFile, SchemaMismatch: as :class:`tasks.data.sampling.Selection` and :class:`Yardstick`; also when the
            file changed while it was read.
        NoUsableTarget: labels are asked for, and there is none.
    """
    cores = len(os.sched_getaffinity(0))
    wanted = yardstick.columns_to_read(source)
    chunk_rows = chunk_rows or min(_MOST_CHUNK_ROWS, max(1, CHUNK_BYTES // (8 * max(1, len(wanted)))))
    with Watch(source) as watch, ThreadPoolExecutor(cores) as pool:
        selection = Selection(
            source,
            wanted,
            sampling,
            judge=lambda rows: yardstick.require(rows, source),
            chunk_rows=chunk_rows,
            digest=watch.digest,
        )
        outcomes, counting = Outcomes(yardstick), None if profile is None else _Counting(profile)
        kept = Reservoir(sampling.kept_rows, np.random.default_rng([sampling.seed, _KEPT]))

        def judge(rows: pd.DataFrame) -> pd.DataFrame:
            judged = yardstick.judge(rows, source)
            if counting is not None:
                counting.add(judged)
            return judged

        def collect(judged: pd.DataFrame) -> None:
            take(judged)
            outcomes.add(judged)
            kept.add(judged)

        # Predicting and counting take longest. While all cores do it, the next rows are read; what comes out keeps its
        # order.
        going_on: deque[Future[pd.DataFrame]] = deque()
        for whole in selection:
            # What was chosen may be many rows at once.
            for start in range(0, len(whole), chunk_rows):
                going_on.append(pool.submit(judge, whole.iloc[start : start + chunk_rows]))
                if len(going_on) > cores:
                    collect(going_on.popleft().result())
            tell(f"{selection.chosen_rows:,} of {selection.total_rows:,} rows judged")
        while going_on:
            collect(going_on.popleft().result())
        found = watch.fingerprint()
    sample = kept.frames()[0]
    columns = None if counting is None else counting.whole()
    batch = Batch(sample, outcomes.frame(), columns, selection.total_rows, selection.eligible_rows, found)
    if batch.labelled_rows == 0:
        raise NoUsableTarget(
            source.path,
            yardstick.schema.target,
            f"none of {batch.judged_rows:,} rows has a label",
            WITHOUT_LABELS,
        )
    return batch


class _Counting:
    """Counts for several threads at once: each has its own, and in the end they are one."""

    def __init__(self, profile: ReferenceProfile) -> None:
        self._profile = profile
        self._of_thread = threading.local()
        self._all: list[CurrentColumns] = []

    def add(self, judged: pd.DataFrame) -> None:
        if not hasattr(self._of_thread, "columns"):
            self._of_thread.columns = CurrentColumns(self._profile)
            self._all.append(self._of_thread.columns)
        self._of_thread.columns.add(judged)

    def whole(self) -> CurrentColumns:
        """Everything that was counted, whichever thread did it."""
        together = CurrentColumns(self._profile)
        for columns in self._all:
            together.merge(columns)
        return together


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
    return judged.assign(**{CORRECT: correct.where(judged[schema.target].notna())})
