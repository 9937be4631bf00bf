"""Make the tutorial's files: ``python -m deployments.projects.credit_card_fraud.generate [FOLDER]``.

The files are the same, byte for byte, for the same seed and number of rows. Beside them lies a marker
with their hashes, so that :func:`ensure` can tell in a moment that nothing is to be done.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from deployments.projects.credit_card_fraud import concept, purchases, recipe
from deployments.projects.credit_card_fraud.files import Marker, read_marker, replace_file, sha256
from deployments.projects.credit_card_fraud.purchases import draw_purchases
from deployments.projects.credit_card_fraud.recipe import PERIODS, ROWS_PER_MONTH, SEED, Period
from deployments.projects.credit_card_fraud.truth import write_truth
from governance.errors import DriftgateError, UnreadableFile

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[str, float], None]
"""Told which file was just made, and the share of all of them that is done (0 to 1)."""

PROJECT_FOLDER: Final = Path(__file__).resolve().parent
DATA_FOLDER: Final = PROJECT_FOLDER / "data"


def generate(
    folder: Path, *, seed: int = SEED, rows_per_month: int = ROWS_PER_MONTH, progress: Progress | None = None
) -> list[Path]:
    """Write all ten files, over those of the same name that are there.

    Args:
        folder: Where to; made if it does not exist.
        seed: 0 or greater.
        rows_per_month: About how many rows a month has, at least 1; the training file has three times as many.
        progress: Called after every file.

    Returns:
        The paths, training file first, then by month.

    Raises:
        UnreadableFile: the folder is a file, or can't be written to.
    """
    return _write(folder, PERIODS, _marker(seed, rows_per_month), progress)


def ensure(
    folder: Path, *, seed: int = SEED, rows_per_month: int = ROWS_PER_MONTH, progress: Progress | None = None
) -> list[Path]:
    """Like :func:`generate`, but leaves alone what is right already.

    A file is right when the marker says that this generator made it with this seed and number of rows,
    and its bytes are still those. Any other file of that name is written anew.
    """
    marker, found = _marker(seed, rows_per_month), read_marker(folder)
    if found is not None and found.made_like(marker):
        marker.files.update({name: digest for name, digest in found.files.items() if sha256(folder / name) == digest})
    return _write(folder, [period for period in PERIODS if period.file not in marker.files], marker, progress)


def _write(folder: Path, periods: Sequence[Period], marker: Marker, progress: Progress | None) -> list[Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for period in periods:
            frame = draw_purchases(period, rows=period.rows(marker.rows_per_month), seed=marker.seed)
            content = _as_csv(frame)
            replace_file(folder / period.file, content)
            marker.files[period.file] = hashlib.sha256(content).hexdigest()
            if progress is not None:
                progress(period.file, len(marker.files) / len(PERIODS))
        if periods:
            # Last: a run that dies before leaves whole files that no marker vouches for, and they are made again.
            marker.write(folder)
    except OSError as error:
        raise UnreadableFile(folder, f"it can't be written to ({error.strerror})", "name another folder") from error
    return [folder / period.file for period in PERIODS]


def _marker(seed: int, rows_per_month: int) -> Marker:
    modules = (recipe, concept, purchases, sys.modules[__name__])
    code = b"".join(Path(str(module.__file__)).read_bytes() for module in modules)
    return Marker(hashlib.sha256(code).hexdigest(), seed, rows_per_month, files={})


def _as_csv(frame: pd.DataFrame) -> bytes:
    dates = np.datetime_as_string(frame["purchase_date"].to_numpy(), unit="s", timezone="UTC")
    return frame.assign(purchase_date=dates).to_csv(index=False, lineterminator="\n").encode()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when it went well, 1 with a sentence on standard error when not."""
    parser = argparse.ArgumentParser(prog="generate", description="Make the files of the tutorial.")
    parser.add_argument("folder", nargs="?", type=Path, help="default: the project's data folder")
    parser.add_argument("--seed", type=_at_least(0), default=SEED)
    parser.add_argument("--rows-per-month", type=_at_least(1), default=ROWS_PER_MONTH)
    parser.add_argument(
        "--truth", action="store_true", help="write no data, but truth.json and the tables of the project's README"
    )
    given = parser.parse_args(arguments)
    if given.truth and (given.folder, given.seed, given.rows_per_month) != (None, SEED, ROWS_PER_MONTH):
        parser.error("--truth stands alone: the truth is about the project's own files")
    try:
        if given.truth:
            paths = write_truth(PROJECT_FOLDER)
        else:
            paths = ensure(given.folder or DATA_FOLDER, seed=given.seed, rows_per_month=given.rows_per_month)
    except DriftgateError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.writelines(f"{path}\n" for path in paths)
    return 0


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if (value := int(text)) < least:
            raise argparse.ArgumentTypeError(f"{value} is too small: give {least} or more")
        return value

    return number


if __name__ == "__main__":
    sys.exit(main())
