"""Which rows of a file are judged, and which of them are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from governance.errors import SchemaMismatch, UnreadableFile
from governance.project_file import Sampling
from governance.vocabulary import Handling, SamplingMethod
from tasks.data.conditions import columns_of, fulfilling
from tasks.data.queries import Digest
from tasks.data.reading import CHUNK_ROWS, count_rows, iterate_chunks
from tasks.data.sources import Source

Floats = NDArray[np.float64]

MOST_VALUES: Final = 1_000
"""Different values of the column that ``class_rebalance`` balances, at most."""


def _accept(_rows: pd.DataFrame) -> None:
    """Rows that nobody wants to judge."""


class Selection:
    """The rows of a source that are judged. Iterate over it once; afterwards the counts are known.

    Every row that fulfils the conditions gets a number from the seeded generator, whatever the size of the chunks.
    ``ratio`` takes the rows with a number below the ratio, ``random`` those with the smallest numbers, and
    ``class_rebalance`` likewise for each value of its column: one pass, and never more in memory than a chunk and, for
    these two, three samples. All rows are read and judged readable, also those that are not chosen; only ``head``
    of a file, without conditions, reads no further than its rows.

    Args:
        source: The file or the query.
        columns: The columns wanted, and as what. Those that conditions and ``class_rebalance`` look at come along.
        sampling: Method, how many rows, conditions, seed.
        judge: Is shown every row that fulfils the conditions, chosen or not, and raises when it won't have it: whether
            a file is refused must not depend on the seed. With ``head``, only those that are chosen.
        chunk_rows: Rows read at once, at least 1; has no influence on what is chosen.
        digest: Is fed every row of a query that is read.

    Attributes:
        total_rows: Rows of the source.
        eligible_rows: Rows that fulfil the conditions.
        chosen_rows: Rows that were given out.

    Yields:
        Frames typed as by :func:`tasks.data.reading.iterate_chunks`, in the order of the file; the index is the position
        in the file, from 0. ``full`` gives all rows; ``head`` and ``random`` exactly ``rows`` or all there are;
        ``ratio`` about that share, at least one row; ``class_rebalance`` for each of the k values of its column
        ``rows // k`` rows, or all there are of that value; rows without a value in it are left out.

    Raises:
        UnreadableFile, SchemaMismatch: as :func:`tasks.data.reading.iterate_chunks`; and whatever ``judge`` raises.
        UnreadableFile: no row fulfils the conditions.

    Source: Efraimidis, Spirakis: Weighted random sampling with a reservoir, 2006 (here with equal weights).
    """

    def __init__(
        self,
        source: Source,
        columns: Mapping[str, Handling],
        sampling: Sampling,
        *,
        judge: Callable[[pd.DataFrame], object] = _accept,
        chunk_rows: int = CHUNK_ROWS,
        digest: Digest | None = None,
    ) -> None:
        self.total_rows = self.eligible_rows = self.chosen_rows = 0
        self._source, self._sampling, self._judge = source, sampling, judge
        self._handling = {**columns, **columns_of(sampling.where, columns)}
        if sampling.column is not None:
            self._handling.setdefault(sampling.column, Handling.CATEGORICAL)
        self._chunks = iterate_chunks(source, self._handling, chunk_rows=chunk_rows, digest=digest)

    def __iter__(self) -> Iterator[pd.DataFrame]:
        for chunk in self._chosen():
            self.chosen_rows += len(chunk)
            if len(chunk):
                yield chunk
        if self.eligible_rows == 0:
            between = self._source.between
            of_that_time = "" if between is None else f" and lies in {between}"
            raise UnreadableFile(
                self._source.path,
                f"none of its {self.total_rows:,} rows fulfils the conditions under sampling.where{of_that_time}",
                "correct the conditions, or name other data",
            )

    def _chosen(self) -> Iterator[pd.DataFrame]:
        match self._sampling.method:
            case SamplingMethod.FULL:
                yield from self._eligible()
            case SamplingMethod.HEAD:
                yield from self._head()
            case SamplingMethod.RATIO:
                yield from self._ratio()
            case SamplingMethod.RANDOM:
                reservoir = Reservoir(self._sampling.rows, np.random.default_rng(self._sampling.seed))
                for chunk in self._eligible():
                    reservoir.add(chunk)
                yield from reservoir.frames()
            case SamplingMethod.CLASS_REBALANCE:
                yield self._rebalanced()

    def _eligible(self) -> Iterator[pd.DataFrame]:
        for rows in self._fulfilling():
            self._judge(rows)
            yield rows

    def _fulfilling(self) -> Iterator[pd.DataFrame]:
        for chunk in self._chunks:
            self.total_rows += len(chunk)
            where = self._sampling.where
            rows = chunk[fulfilling(chunk, where, self._handling, self._source)] if where else chunk
            self.eligible_rows += len(rows)
            yield rows

    def _head(self) -> Iterator[pd.DataFrame]:
        wanted = self._sampling.rows
        for chunk in self._fulfilling():
            rows = chunk.head(wanted)
            self._judge(rows)
            yield rows
            wanted = max(0, wanted - len(chunk))
            # A query is never run again for the number of its rows: it might give others.
            if not wanted and not self._sampling.where and self._source.query is None:
                self.total_rows = self.eligible_rows = count_rows(self._source)
                return

    def _ratio(self) -> Iterator[pd.DataFrame]:
        generator, ratio = np.random.default_rng(self._sampling.seed), self._sampling.ratio or 1.0
        first: pd.DataFrame | None = None
        drawn_any = False
        for chunk in self._eligible():
            rows = chunk[generator.random(len(chunk)) < ratio]
            drawn_any = drawn_any or len(rows) > 0
            first = chunk.head(1) if first is None and len(chunk) else first
            yield rows
        if not drawn_any and first is not None:  # of a handful of rows, none may have been drawn
            yield first

    def _rebalanced(self) -> pd.DataFrame:
        column, rows = self._sampling.column or "", self._sampling.rows
        generator = np.random.default_rng(self._sampling.seed)
        reservoirs: dict[object, Reservoir] = {}
        for chunk in self._eligible():
            draws = generator.random(len(chunk))
            values = chunk[column]
            for value in values.dropna().unique():
                chosen = (values == value).to_numpy()
                if value not in reservoirs:
                    self._require_few(column, len(reservoirs) + 1)
                    reservoirs[value] = Reservoir(rows, generator)
                    for reservoir in reservoirs.values():
                        reservoir.shrink(max(1, rows // len(reservoirs)))
                reservoirs[value].add(chunk[chosen], draws[chosen])
        if self.eligible_rows and not reservoirs:
            raise SchemaMismatch(
                self._source.path, column, "no row has a value to balance by", "name another column under sampling"
            )
        pieces = [piece for reservoir in reservoirs.values() for piece in reservoir.frames()]
        return pd.concat(pieces).sort_index() if pieces else pd.DataFrame()

    def _require_few(self, column: str, values: int) -> None:
        if values > min(MOST_VALUES, self._sampling.rows):
            raise SchemaMismatch(
                self._source.path,
                column,
                f"it has more than {values - 1:,} different values, too many to balance",
                "name a column with fewer, or raise sampling.rows" if values <= MOST_VALUES else "name another column",
            )


class Reservoir:
    """A sample of rows that come chunk by chunk: those with the smallest numbers.

    At no time more than two samples and a chunk are held; putting them together takes another sample.

    Args:
        rows: How many; ``None`` keeps all.
        generator: Gives the numbers to rows that come without; untouched when all are kept.
    """

    def __init__(self, rows: int | None, generator: np.random.Generator) -> None:
        self._rows, self._generator = rows, generator
        self._pieces: list[pd.DataFrame] = []
        self._draws: list[Floats] = []
        self._waiting = 0
        self._limit = 1.0  # No row with a greater number can belong to the sample any more.

    def add(self, chunk: pd.DataFrame, draws: Floats | None = None) -> None:
        """Take the next rows; the draws are their numbers, 0 to 1."""
        if self._rows is None:
            self._pieces.append(chunk)
            return
        draws = self._generator.random(len(chunk)) if draws is None else draws
        chosen = draws <= self._limit
        if not chosen.any():
            return
        # Always a frame of its own: a slice would hold on to the whole chunk.
        self._pieces.append(chunk[chosen])
        self._draws.append(draws[chosen])
        self._waiting += len(self._pieces[-1])
        if self._waiting > 2 * self._rows:
            self._prune()

    def shrink(self, rows: int) -> None:
        """From now on fewer rows are wanted."""
        if self._rows is not None and rows < self._rows:
            self._rows = rows
            if self._waiting > rows:
                self._prune()

    def frames(self) -> list[pd.DataFrame]:
        """The sample in the order in which its rows came: one frame, or none when there were no rows."""
        if self._rows is not None and self._waiting > self._rows:
            self._prune()
        return [pd.concat(self._pieces)] if self._pieces else []

    def _prune(self) -> None:
        frame, draws = pd.concat(self._pieces), np.concatenate(self._draws)
        # A stable sort: of equal numbers the earlier row wins, whenever the reservoir is pruned.
        positions = np.sort(np.argsort(draws, kind="stable")[: self._rows])
        self._pieces, self._draws = [frame.iloc[positions]], [draws[positions]]
        self._waiting, self._limit = len(positions), float(draws[positions].max())
