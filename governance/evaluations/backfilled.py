"""Evaluations of past periods: how they are known, and that they don't pass for the latest."""

from __future__ import annotations

import hashlib
from typing import Final

from sqlalchemy import ColumnElement
from sqlmodel import col

from governance.tables import Evaluation
from governance.vocabulary import BACKFILL

PERIOD: Final = "period"
"""Label: which period was judged."""

_TRIGGER: Final = "evaluation:trigger"


def labels_of_period(period: str) -> dict[str, str]:
    """What is put on an evaluation of a past period.

    Example:
        >>> labels_of_period("04")
        {'period': '04', 'evaluation:trigger': 'backfill'}
    """
    return {PERIOD: period, _TRIGGER: BACKFILL}


def id_of_period(project: str, store: str, data: str, version: int | None) -> str:
    """The id of the one evaluation of a period by a version: made again, it takes the place of the one before.

    Args:
        project: Whose.
        store: Where it goes.
        data: What is judged, as in ``monthly:04``.
        version: Number of the version that judges; none in a standalone store.

    Example:
        >>> id_of_period("credit_card_fraud", "mes", "monthly:04", 1)
        'backfill-fdb9ca0f5530c72b'
    """
    said = "\n".join((project, store, data, "" if version is None else str(version)))
    return f"{BACKFILL}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def of_its_own_time() -> ColumnElement[bool]:
    """That an evaluation was made when its data were new, and not by a backfill."""
    trigger: ColumnElement[str] = col(Evaluation.labels)[_TRIGGER].as_string()
    return trigger.is_distinct_from(BACKFILL)


def is_of_its_own_time(evaluation: Evaluation) -> bool:
    """The same of one evaluation."""
    return evaluation.labels.get(_TRIGGER) != BACKFILL
