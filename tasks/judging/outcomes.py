"""What came out for every judged row, held compactly: labels and categories as codes, probabilities as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from governance.vocabulary import PredictionType

if TYPE_CHECKING:
    import pandas as pd

    from tasks.judging.yardstick import Yardstick


class Outcomes:
    """Collects, chunk by chunk, what performance, segments and fairness are measured on.

    Per row it takes 8 bytes for each probability, number and moment, and 1 to 4 for each label or category. Nothing
    of a chunk is held on to.

    Args:
        yardstick: Says which columns there are.
    """

    def __init__(self, yardstick: Yardstick) -> None:
        self._yardstick = yardstick
        self._columns: dict[str, _Numbers | _Moments | _Levels] = {}

    def add(self, judged: pd.DataFrame) -> None:
        """Take the next rows, as :meth:`tasks.judging.yardstick.Yardstick.judge` gives them."""
        for name, values in self._of(judged).items():
            if name not in self._columns:
                self._columns[name] = self._column(name, values)
            self._columns[name].add(values)

    def frame(self) -> pd.DataFrame:
        """All rows in their order; can be asked for once.

        Returns:
            ``target`` (only where labels are asked for) and ``prediction`` as categories of text or as float64,
            ``proba_<class>``, ``weight``, ``time``, and every watched column.
        """
        import pandas as pd

        names = list(self._columns)
        # One column after the other gives its pieces up, so that there are never two copies of all.
        return pd.DataFrame({name: self._columns.pop(name).whole() for name in names})

    def _of(self, judged: pd.DataFrame) -> dict[str, pd.Series[Any]]:
        yardstick = self._yardstick
        schema = yardstick.schema
        found = {name: judged[name] for name in yardstick.watched if name in judged}
        if yardstick.labelled:
            found["target"] = judged[schema.target]
            if yardstick.weight_column is not None:
                found["weight"] = judged[yardstick.weight_column]
        if schema.time_column in judged:
            found["time"] = judged[schema.time_column]
        predicted = ["prediction", *(f"proba_{label}" for label in schema.classes)]
        return found | {name: judged[name] for name in predicted if name in judged}

    def _column(self, name: str, values: pd.Series[Any]) -> _Numbers | _Moments | _Levels:
        import pandas as pd

        labels = self._yardstick.schema.prediction_type is not PredictionType.REGRESSION
        if name in ("target", "prediction") and labels:
            return _Levels(self._yardstick.schema.classes)
        if pd.api.types.is_datetime64_any_dtype(values.dtype):
            return _Moments()
        return _Numbers() if pd.api.types.is_numeric_dtype(values.dtype) else _Levels(())


class _Numbers:
    def __init__(self) -> None:
        self._pieces: list[NDArray[np.float64]] = []

    def add(self, values: pd.Series[Any]) -> None:
        self._pieces.append(values.to_numpy(np.float64, copy=True))

    def whole(self) -> NDArray[np.float64]:
        return _joined(self._pieces)


class _Moments:
    def __init__(self) -> None:
        self._pieces: list[NDArray[np.int64]] = []

    def add(self, values: pd.Series[Any]) -> None:
        self._pieces.append(values.astype("datetime64[us, UTC]").astype("int64").to_numpy(np.int64).astype(np.int64))

    def whole(self) -> Any:
        import pandas as pd

        return pd.DatetimeIndex(_joined(self._pieces).view("datetime64[us]")).tz_localize("UTC")


class _Levels:
    """Text as codes; -1 is missing."""

    def __init__(self, known: tuple[str, ...]) -> None:
        self._codes = {level: code for code, level in enumerate(known)}
        self._pieces: list[NDArray[Any]] = []

    def add(self, values: pd.Series[Any]) -> None:
        positions, levels = values.factorize()
        for level in levels:
            self._codes.setdefault(str(level), len(self._codes))
        codes = np.array([*(self._codes[str(level)] for level in levels), -1], dtype=np.int32)
        # -1 of the factorization is the last one here.
        self._pieces.append(codes[positions].astype(np.min_scalar_type(-max(2, len(self._codes)))))

    def whole(self) -> Any:
        import pandas as pd

        return pd.Categorical.from_codes(_joined(self._pieces), categories=pd.Index(list(self._codes), dtype="str"))


def _joined(pieces: list[NDArray[Any]]) -> NDArray[Any]:
    whole = np.concatenate(pieces)
    pieces.clear()
    return whole
