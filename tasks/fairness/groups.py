"""Whether groups of rows are treated alike: how often each is selected, and how often rightly and wrongly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from governance.project_file import Fairness, Segmentation
from governance.vocabulary import Measurement, PredictionType
from tasks.drift.findings import DriftFindings
from tasks.fairness.rates import FALSE_POSITIVE, RATES, SELECTION, TRUE_POSITIVE, GroupRates, count_cells, rates_of
from tasks.fairness.spread import chance_p_value, largest_difference, smallest_ratio
from tasks.metrics.catalogue import FAIRNESS_MEASURES
from tasks.metrics.inputs import require_weights
from tasks.metrics.intervals import SIGNIFICANCE, Floats, wilson
from tasks.segments.comparing import corrected, p_text
from tasks.segments.segmentation import Codes, split_rows

if TYPE_CHECKING:
    import pandas as pd

_RATES_OF: Mapping[str, tuple[str, ...]] = {
    "demographic_parity": (SELECTION,),
    "equalized_odds": (TRUE_POSITIVE, FALSE_POSITIVE),
    TRUE_POSITIVE: (TRUE_POSITIVE,),
    FALSE_POSITIVE: (FALSE_POSITIVE,),
}
"""What a measure looks at; its name in the catalogue goes on with ``_difference`` or ``_ratio``."""


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The groups of one attribute.

    Args:
        attribute: Name of the column.
        labels: Every group, alphabetical; rows without a value last.
        codes: Shape (rows,), the group of each row.
        compared: Positions of those with enough rows.
        rows: Shape (groups,).
        labelled: Shape (groups,), rows whose label is known.
        reason: Why there are no groups; empty when there are.
    """

    attribute: str
    labels: tuple[str, ...] = ()
    codes: Codes | None = None
    compared: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()
    labelled: tuple[int, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Treated:
    """How one class is given to the groups of one attribute; p-values corrected for everything that was looked at."""

    groups: Groups
    label: str
    rates: Mapping[str, GroupRates]
    p_values: Mapping[str, float | None]


def measure_fairness(
    settings: Sequence[Fairness],
    outcomes: pd.DataFrame,
    *,
    prediction_type: PredictionType,
    classes: tuple[str, ...],
) -> DriftFindings:
    """Compare the groups of each attribute: selection rate, true and false positive rate, and how far they are apart.

    Binary: the positive class is what is selected. Multiclass: every class against the rest, because nothing says
    which of them is the good one; a measure is then that of the class with the largest difference or smallest ratio.
    The selection rate is of all rows, the other two of those with a label. Rows without a value of the attribute are
    a group. All p-values are corrected after Holm for the attributes, classes and rates that were looked at. Rows are
    taken as independent: where those of a day hang together, intervals are too narrow and p-values too small.

    Args:
        settings: The ``fairness`` section of the store.
        outcomes: All judged rows: ``prediction``, ``target`` (NaN is missing) and ``weight`` where there are any, and
            every column that ``settings`` name.
        prediction_type: Of the model.
        classes: Binary (negative, positive), or all of them.

    Returns:
        ``fairness.<attribute>.<measure>`` with simultaneous intervals, ``fairness.<attribute>.<group>.<rate>`` with
        Wilson intervals (multiclass: ``<group>.<class>``). ``details["fairness"]``, per attribute: ``attribute``,
        ``reason``, ``groups`` (``group``, ``rows``, ``share``, ``labelled_rows``, ``compared``) and ``classes`` (per
        class ``class``, ``measures``, ``p_values``, ``rates`` by group). No snapshot.

    Raises:
        ValueError: a weight is negative, missing or infinite.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"prediction": list("1100") * 20, "sex": list("ffmm") * 20})
    >>> setting, kind = [Fairness(attribute="sex")], PredictionType.BINARY
    >>> measure_fairness(setting, rows, prediction_type=kind, classes=("0", "1")).measurements[0].value
    1.0
    """
    if prediction_type is PredictionType.REGRESSION:
        parts = [
            Groups(s.attribute, reason="fairness is measured of classes, and the model predicts none") for s in settings
        ]
        return _tell(parts, [], 0)
    weights = _weights(outcomes)
    usable = outcomes["prediction"].notna().to_numpy() & (weights > 0)
    rows, weights = outcomes[usable], weights[usable]
    parts = [_divide(setting, rows) for setting in settings]
    looked_at = classes[1:] if prediction_type is PredictionType.BINARY else classes
    treated = [_treat(part, label, rows, weights) for part in parts if not part.reason for label in looked_at]
    return _tell(parts, _correct(treated), int(outcomes["prediction"].isna().sum()))


def _weights(outcomes: pd.DataFrame) -> Floats:
    if "weight" not in outcomes:
        return np.ones(len(outcomes))
    return require_weights(outcomes["weight"].to_numpy(np.float64), len(outcomes))


def _labelled(rows: pd.DataFrame) -> Any:
    return rows["target"].notna().to_numpy() if "target" in rows else np.zeros(len(rows), np.bool_)


def _divide(setting: Fairness, rows: pd.DataFrame) -> Groups:
    attribute = setting.attribute
    if attribute not in rows:
        return Groups(attribute, reason=f"the data have no column {attribute!r}")
    try:
        split = split_rows(Segmentation(column=attribute), {"rows": rows[attribute]}, bounds_of="rows")
    except (ValueError, TypeError) as problem:
        return Groups(attribute, reason=str(problem))
    codes, known = split.codes["rows"], _labelled(rows)
    counts = split.counts("rows")
    labelled = np.bincount(codes[known], minlength=len(split.labels))
    enough = (labelled if known.any() else counts) >= setting.minimum_rows
    reason = "" if enough.any() else f"no group has {setting.minimum_rows:,} rows"
    return Groups(
        attribute,
        split.labels,
        codes,
        tuple(np.flatnonzero(enough).tolist()),
        tuple(counts.tolist()),
        tuple(labelled.tolist()),
        reason,
    )


def _treat(groups: Groups, label: str, rows: pd.DataFrame, weights: Floats) -> Treated:
    """Rates of the groups that are compared."""
    position = np.full(len(groups.labels), -1)
    position[list(groups.compared)] = np.arange(len(groups.compared))
    of_row = position[groups.codes]
    compared, known = of_row >= 0, _labelled(rows)
    selected = (rows["prediction"] == label).to_numpy(np.bool_)
    positive = np.zeros(len(rows), np.bool_)
    if known.any():
        positive[known] = (rows["target"][known] == label).to_numpy(np.bool_)
    labels = [groups.labels[group] for group in groups.compared]
    rates = {}
    for name in RATES:
        counted = compared if name == SELECTION else compared & known
        cells = count_cells(of_row[counted], positive[counted], selected[counted], weights[counted], len(labels))
        rates[name] = rates_of(name, cells, labels)
    return Treated(groups, label, rates, {name: chance_p_value(rate) for name, rate in rates.items()})


def _correct(treated: Sequence[Treated]) -> list[Treated]:
    every = iter(corrected([one.p_values[name] for one in treated for name in RATES]))
    return [replace(one, p_values={name: next(every) for name in RATES}) for one in treated]


def _measures(treated: Sequence[Treated]) -> Iterator[Measurement]:
    """Every measure of the catalogue, over one class or several."""
    for name in FAIRNESS_MEASURES:
        what, _, way = name.rpartition("_")
        rates = [one.rates[rate] for one in treated for rate in _RATES_OF[what]]
        yield largest_difference(name, rates) if way == "difference" else smallest_ratio(name, rates)


def _tell(parts: Sequence[Groups], treated: Sequence[Treated], without_prediction: int) -> DriftFindings:
    measurements, tables, warnings = [], [], []
    if without_prediction:
        warnings.append(f"fairness: {without_prediction:,} rows without a prediction are left out")
    for part in parts:
        own = [one for one in treated if one.groups is part]
        prefix = f"fairness.{part.attribute}."
        if part.reason:
            found = [Measurement(name, None, rows=sum(part.rows), reason=part.reason) for name in FAIRNESS_MEASURES]
            warnings.append(f"fairness of {part.attribute!r} can't be measured: {part.reason}")
        else:
            found = list(_measures(own))
        measurements += [replace(m, name=prefix + m.name) for m in (*found, *_of_groups(part, own))]
        tables.append(_table(part, own))
        warnings += [sentence for one in own for sentence in _warnings(one, several=len(own) > 1)]
    unique = {m.name: m for m in reversed(measurements)}
    return DriftFindings(list(reversed(unique.values())), {"fairness": tables}, "", warnings)


def _of_groups(part: Groups, treated: Sequence[Treated]) -> Iterator[Measurement]:
    whole = sum(part.rows)
    for at, group in enumerate(part.compared):
        label = part.labels[group]
        yield Measurement(f"{label}.share", *wilson(part.rows[group], whole), whole)
        for one in treated:
            name = f"{label}.{one.label}" if len(treated) > 1 else label
            yield from (replace(m, name=f"{name}.{m.name}") for m in _rates_of_group(one, at))


def _rates_of_group(treated: Treated, at: int) -> list[Measurement]:
    return [rate.measurement(at) for rate in treated.rates.values()]


def _table(part: Groups, treated: Sequence[Treated]) -> dict[str, Any]:
    whole = sum(part.rows)
    return {
        "attribute": part.attribute,
        "reason": part.reason,
        "groups": [
            {
                "group": label,
                "rows": part.rows[group],
                "share": part.rows[group] / whole,
                "labelled_rows": part.labelled[group],
                "compared": group in part.compared,
            }
            for group, label in enumerate(part.labels)
        ],
        "classes": [
            {
                "class": one.label,
                "measures": {m.name: m.cell() for m in _measures([one])},
                "p_values": dict(one.p_values),
                "rates": {
                    part.labels[group]: {m.name: m.cell() for m in _rates_of_group(one, at)}
                    for at, group in enumerate(part.compared)
                },
            }
            for one in treated
        ],
    }


def _warnings(treated: Treated, *, several: bool) -> Iterator[str]:
    attribute, of_class = treated.groups.attribute, f" of class {treated.label!r}" if several else ""
    for name, rate in treated.rates.items():
        p_value, known = treated.p_values[name], rate.defined
        text = name.replace("_", " ")
        if p_value is not None and p_value < SIGNIFICANCE:
            low, high = (int(known[at]) for at in (np.argmin(rate.values[known]), np.argmax(rate.values[known])))
            yield (
                f"groups of {attribute!r} are not treated alike: the {text}{of_class} is {rate.values[low]:.1%} for "
                f"{rate.labels[low]!r} and {rate.values[high]:.1%} for {rate.labels[high]!r} "
                f"({p_text(p_value)}, corrected for everything that was looked at)"
            )
        lacking = [label for group, label in enumerate(rate.labels) if group not in known]
        if lacking and known.size:
            yield f"fairness of {attribute!r}: {', '.join(map(repr, lacking))} has no {text}{of_class} and is not compared in it"
