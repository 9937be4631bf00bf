"""What came out of a comparison, as a sentence."""

from __future__ import annotations

from typing import Final

from governance.project_file import ActivationSettings
from tasks.comparing.gain import Gain
from tasks.comparing.rows import Seen
from tasks.metrics.catalogue import METRICS

_DIGITS: Final = 4


def said_of(gain: Gain, champion: int, activation: ActivationSettings, seen: Seen) -> str:
    """Values, gain with its ends, the gain that these rows could have shown, and which rows they are.

    Args:
        gain: What was found.
        champion: Number of the active version.
        activation: Minimal gain and confidence.
        seen: What the active version was fitted on.

    Example:
        >>> import numpy as np
        >>> found = Gain("roc_auc", 0.8, 0.82, 0.02, 0.01, 0.03, 0.015, 900, "DeLong")
        >>> for part in said_of(found, 1, ActivationSettings(), Seen(np.array([True, False]))).split("; "):
        ...     print(part)
        ROC AUC 0.8200 against 0.8000 of version 1 on the same 900 rows, better by 0.0200 (0.0100 to 0.0300)
        more than 0 with 95 % confidence (DeLong)
        such rows show a gain of 0.0150 in four of five cases
        left out is 1 row that version 1 was fitted on
    """
    return "; ".join(
        [_found(gain, champion, activation), *_could_show(gain), *_left_out(seen, champion), *_doubtful(seen, champion)]
    )


def _found(gain: Gain, champion: int, activation: ActivationSettings) -> str:
    title = METRICS[gain.metric].title
    if gain.gain is None or gain.champion is None or gain.challenger is None:
        return f"{title} can't be compared with version {champion} on {gain.rows:,} rows: {gain.reason}"
    values = f"{title} {_number(gain.challenger)} against {_number(gain.champion)} of version {champion}"
    way = f"better by {_number(gain.gain)}" if gain.gain >= 0 else f"worse by {_number(-gain.gain)}"
    on_rows = f"{values} on the same {gain.rows:,} rows, {way}"
    if gain.lower is None or gain.upper is None:
        return f"{on_rows}: {gain.reason}"
    more = "more" if gain.exceeds(activation.minimal_gain) else "not more"
    method = f"{gain.method}{', by days' if gain.by_day else ''}"
    percent = f"{activation.confidence * 100:.4g} %"
    sure = f"{more} than {activation.minimal_gain:g} with {percent} confidence ({method})"
    return f"{on_rows} ({_number(gain.lower)} to {_number(gain.upper)}); {sure}"


def _could_show(gain: Gain) -> list[str]:
    if gain.detectable is None:
        return []
    return [f"such rows show a gain of {_number(gain.detectable)} in four of five cases"]


def _left_out(seen: Seen, champion: int) -> list[str]:
    rows = int(seen.fitted_on.sum())
    if not rows:
        return []
    left_out = "left out is 1 row" if rows == 1 else f"left out are {rows:,} rows"
    return [f"{left_out} that version {champion} was fitted on"]


def _doubtful(seen: Seen, champion: int) -> list[str]:
    if not seen.doubtful_rows:
        return []
    return [
        f"{seen.doubtful_rows:,} of the rows are in the test part of version {champion} too, which may have been fitted "
        "on others of them: that flatters it"
    ]


def _number(value: float) -> str:
    """Four digits behind the point, or more of what is smaller than that."""
    return f"{value:.{_DIGITS}f}" if value == 0 or abs(value) >= 10.0**-_DIGITS else f"{value:.2g}"
