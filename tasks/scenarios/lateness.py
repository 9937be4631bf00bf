"""A run of a schedule that begins late: whether it still does, and for how many times it stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from governance.vocabulary import CatchUp

LATE_AFTER: Final = timedelta(minutes=5)
"""What begins so long after its time was kept from it: nothing ran, or something else did."""


def is_late(due: datetime, now: datetime) -> bool:
    """Whether a run that begins now has missed its time.

    Example:
        >>> noon = datetime(2017, 6, 1, 12)
        >>> is_late(noon, noon + timedelta(minutes=4)), is_late(noon, noon + timedelta(hours=3))
        (False, True)
    """
    return now - due > LATE_AFTER


def why_skipped(due: datetime, now: datetime, catch_up: CatchUp, *, later_is_due: bool) -> str:
    """Why a run does not begin, in a clause; empty when it does.

    Args:
        due: Its time of the schedule.
        now: When it would begin.
        catch_up: What becomes of times at which nothing could run.
        later_is_due: Whether a later time of the same schedule has come already.

    Example:
        >>> noon = datetime(2017, 6, 1, 12)
        >>> why_skipped(noon, noon + timedelta(hours=3), CatchUp.ONCE, later_is_due=True)
        'missed at 2017-06-01 12:00; the later one stands for it'
        >>> why_skipped(noon, noon + timedelta(hours=3), CatchUp.ONCE, later_is_due=False)
        ''
        >>> why_skipped(noon, noon + timedelta(hours=3), CatchUp.SKIP, later_is_due=False)
        'missed at 2017-06-01 12:00; what is missed is not caught up on'
    """
    if not is_late(due, now):
        return ""
    if catch_up is CatchUp.SKIP:
        return f"missed at {due:%Y-%m-%d %H:%M}; what is missed is not caught up on"
    return f"missed at {due:%Y-%m-%d %H:%M}; the later one stands for it" if later_is_due else ""
