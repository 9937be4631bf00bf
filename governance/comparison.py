"""Evaluations side by side: every metric of each, and what it is more or less than the champion's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from math import isnan, nan
from typing import Final

from governance.errors import NotFound
from governance.vocabulary import Measurement

_MOST_BARS: Final = 2
"""So many evaluations are drawn as bars; more of them are a course, drawn as lines."""


@dataclass(frozen=True, slots=True)
class Item:
    """One evaluation, as a comparison shows it.

    Args:
        evaluation: Its id.
        name: As people read it.
        store: Where it is.
        model: Whose version was judged; none of a standalone store.
        version: Its number.
        data: What was judged.
        at: When.
        labels: Key/value pairs.
        metrics: Every metric, by name.
    """

    evaluation: str
    name: str
    store: str
    model: str | None
    version: int | None
    data: str
    at: datetime
    labels: Mapping[str, str]
    metrics: Mapping[str, Measurement]


@dataclass(frozen=True, slots=True)
class Line:
    """One metric across the evaluations.

    Args:
        metric: Its name.
        values: One per evaluation; none where an evaluation never had this metric.
        differences: To the champion's, one per evaluation; none of the champion itself, and without one.
    """

    metric: str
    values: tuple[Measurement | None, ...]
    differences: tuple[Measurement | None, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Evaluations in the order of the axis, and their metrics.

    Args:
        items: The evaluations.
        axis: What each stands at: the value of the label, or its display name; one per item.
        champion: Id of the evaluation that the others are measured by.
        lines: One per metric.
    """

    items: tuple[Item, ...]
    axis: tuple[str | None, ...]
    champion: str | None
    lines: tuple[Line, ...]

    @property
    def chart(self) -> str:
        """How it is drawn: ``bars`` for one or two evaluations, ``lines`` for more."""
        return "bars" if len(self.items) <= _MOST_BARS else "lines"


def compare(
    items: Sequence[Item], metrics: Sequence[str], *, champion: str | None = None, label: str | None = None
) -> Comparison:
    """Put evaluations side by side.

    Args:
        items: The evaluations, at least one, in any order; one that is there twice is shown once.
        metrics: Names, in the order in which they are shown.
        champion: Id of one of the evaluations.
        label: Its values are the axis, numbers in the order of numbers; default: by time.

    Raises:
        NotFound: no evaluation has that metric or that label, or the champion is none of them.

    Example:
        >>> from datetime import UTC, datetime
        >>> def judged(id, accuracy):
        ...     at, found = datetime(2026, 1, 1, tzinfo=UTC), {"accuracy": Measurement("accuracy", accuracy)}
        ...     return Item(id, id, "monthly", "fraud", 1, "current", at, {}, found)
        >>> found = compare([judged("a", 0.75), judged("b", 0.5)], ["accuracy"], champion="a")
        >>> [line.differences[1].value for line in found.lines], found.chart
        ([-0.25], 'bars')
    """
    once = {item.evaluation: item for item in items}
    if champion is not None and champion not in once:
        raise NotFound("evaluation among those compared", champion, sorted(once), "name one of them as the champion")
    if label is not None and not any(label in item.labels for item in once.values()):
        known = sorted({key for item in once.values() for key in item.labels})
        raise NotFound("label of these evaluations", label, known, "name one of them")
    _require_metrics(list(once.values()), metrics)
    in_order = tuple(sorted(once.values(), key=lambda item: _place(item, label)))
    axis = tuple(item.name if label is None else item.labels.get(label) for item in in_order)
    first = None if champion is None else once[champion]
    return Comparison(in_order, axis, champion, tuple(_line(name, in_order, first) for name in dict.fromkeys(metrics)))


def _require_metrics(items: Sequence[Item], metrics: Sequence[str]) -> None:
    known = list(dict.fromkeys(name for item in items for name in item.metrics))
    for name in metrics:
        if name not in known:
            near = get_close_matches(name, known, n=5) or known[:5]
            raise NotFound("metric of these evaluations", name, near, "name one of them")


def _place(item: Item, label: str | None) -> tuple[int, float, str, datetime, str]:
    """Numbers first and as numbers, then texts, then those without the label; of equal ones the older first."""
    value = None if label is None else item.labels.get(label)
    if label is None or value is None:
        return (2, 0.0, "", item.at, item.evaluation)
    try:
        number = float(value)
    except ValueError:
        number = nan
    return (1, 0.0, value, item.at, item.evaluation) if isnan(number) else (0, number, "", item.at, item.evaluation)


def _line(metric: str, items: Sequence[Item], champion: Item | None) -> Line:
    of_champion = None if champion is None else champion.metrics.get(metric)
    values = tuple(item.metrics.get(metric) for item in items)
    differences = tuple(
        None if value is None or of_champion is None or item is champion else value.minus(of_champion, metric)
        for item, value in zip(items, values, strict=True)
    )
    return Line(metric, values, differences)
