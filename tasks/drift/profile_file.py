"""The profile of a reference as a file: arrays and a header, nothing that can run."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Mapping
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from governance.vocabulary import Handling
from tasks.drift.grid import Grid
from tasks.drift.null import NullDistribution
from tasks.drift.profile import ColumnProfile, LevelProfile, Problem, ReferenceProfile, profile_of_values

FORMAT: Final = 1
"""Of the file; one more when older files can't be read any longer."""

BROKEN: Final = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, BadZipFile, zlib.error)
"""What reading a file that is no profile may raise."""

_TYPES: Final = {"values": "f8", "edges": "f8", "cuts": "f8", "parts": "i8", "cells": "i4", "counts": "i8"}


def profile_to_bytes(profile: ReferenceProfile) -> bytes:
    """The profile as a file, without anything that can run; the same profile gives the same bytes."""
    arrays: dict[str, list[Any]] = {"values": [], "edges": [], "cuts": [], "parts": [], "cells": [], "counts": []}
    header = {
        "format": FORMAT,
        "rows": profile.rows,
        "columns": [_described(column, arrays) for column in profile.columns.values()],
        "predictions": [_described(column, arrays) for column in profile.predictions.values()],
        "uncalibrated": sorted(profile.uncalibrated),
        "ignored": list(profile.ignored),
        "calibrated": profile.null is not None,
    }
    together = {
        name: np.concatenate(parts) if parts else np.empty(0, dtype=_TYPES[name]) for name, parts in arrays.items()
    }
    if profile.null is not None:
        together |= {f"null.{name}": array for name, array in profile.null.to_arrays().items()}
    file = io.BytesIO()
    written = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(file, allow_pickle=False, header=written, **together)
    return file.getvalue()


def _described(column: ColumnProfile, arrays: dict[str, list[Any]]) -> dict[str, Any]:
    """What the header says of a column; its numbers are appended to the arrays."""
    said = {"name": column.name, "handling": column.handling.value, "rows": column.rows}
    if isinstance(column, Problem):
        return said | {"reason": column.reason}
    if isinstance(column, LevelProfile):
        arrays["counts"].append(column.counts)
        return said | {"missing": column.missing, "levels": list(column.levels)}
    grid = column.grid
    of: dict[str, NDArray[Any]] = {
        "values": column.values, "edges": column.edges, "cuts": grid.cuts, "parts": grid.parts, "cells": column.cells
    }  # fmt: skip
    for name, array in of.items():
        arrays[name].append(array)
    sizes = {name: array.size for name, array in of.items()}
    return said | {"sizes": sizes, "unit": grid.unit, "factor": grid.factor, "offset": grid.offset}


def profile_from_bytes(content: bytes) -> ReferenceProfile:
    """The profile that :func:`profile_to_bytes` wrote.

    Raises:
        ValueError: it is no such file, or of a newer format.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(arrays.pop("header").tobytes())
        known = header["format"] == FORMAT
        restored = _profile(header, arrays) if known else None
    except BROKEN as broken:
        raise ValueError(f"it is no reference profile: {broken}") from broken
    if restored is None:
        raise ValueError(f"the reference profile has format {header['format']}, and {FORMAT} is known")
    return restored


def _profile(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> ReferenceProfile:
    of_null = {name.removeprefix("null."): arrays[name] for name in arrays if name.startswith("null.")}
    taken = dict.fromkeys(_TYPES, 0)
    columns, predictions = (
        {said["name"]: _restored(said, arrays, taken) for said in header[part]} for part in ("columns", "predictions")
    )
    return ReferenceProfile(
        header["rows"],
        columns,
        predictions,
        NullDistribution.from_arrays(of_null) if header["calibrated"] else None,
        frozenset(header["uncalibrated"]),
        tuple(header["ignored"]),
    )


def _restored(said: Mapping[str, Any], arrays: Mapping[str, Any], taken: dict[str, int]) -> ColumnProfile:
    def take(name: str, size: int) -> Any:
        start = taken[name]
        taken[name] = start + size
        return arrays[name][start : start + size]

    name, handling, rows = said["name"], Handling(said["handling"]), said["rows"]
    if "reason" in said:
        return Problem(name, handling, rows, said["reason"])
    if "levels" in said:
        return LevelProfile(name, rows, said["missing"], tuple(said["levels"]), take("counts", len(said["levels"])))
    of = {part: take(part, size) for part, size in said["sizes"].items()}
    grid = Grid(said["unit"], said["factor"], said["offset"], of["parts"], of["cuts"])
    return profile_of_values(name, handling, rows, of["values"], grid, of["cells"], of["edges"])
