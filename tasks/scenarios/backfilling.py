"""A backfill: its periods, how each ended, and how far it has come."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any

from governance.vocabulary import WORST_LAST, StepOutcome
from tasks.data.periods import Period


@dataclass(frozen=True, slots=True)
class Piece:
    """One period of a backfill, and how it stands in the record.

    Args:
        period: Which.
        before: How it ended, for one that is on record and is left out.
        number: Of a scenario: the run on record; one that was interrupted is gone on with.
        evaluation: Of a store: the id of the evaluation, which is the same whenever it is made.
        evaluated: Whether only its checks remain.
    """

    period: Period
    before: StepOutcome | None = None
    number: int | None = None
    evaluation: str | None = None
    evaluated: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A backfill: of a scenario or of a store, over which periods.

    Args:
        project: Folder or file of the project.
        name: Of the project.
        scenario: Which is run; ``None``: a store is evaluated.
        store: Into which; ``None``: a scenario is run.
        version: Number of the version that judges, the same for all periods; none of a scenario or a standalone store.
        checks: Whether the checks of the store are run.
        actor: Who has asked for it.
        pieces: Oldest first.
        last_run: Number of the last run on record when this was planned; later ones are of somebody else.
    """

    project: str
    name: str
    scenario: str | None
    store: str | None
    version: int | None
    checks: bool
    actor: str | None
    pieces: tuple[Piece, ...]
    last_run: int = 0

    @property
    def remaining(self) -> list[Piece]:
        """What is to be done, oldest first."""
        return [piece for piece in self.pieces if piece.before is None]


@dataclass(frozen=True, slots=True)
class Done:
    """How one period ended.

    Args:
        period: Its name.
        data: What was read.
        outcome: SUCCESS, WARNING or FAILED.
        message: Why, in a clause.
        run: Number of the run of the scenario.
        evaluation: Id of the evaluation.
        left_out: Whether it was on record already.
        seconds: How long it took; none if it was left out.
    """

    period: str
    data: str
    outcome: StepOutcome
    message: str
    run: int | None = None
    evaluation: str | None = None
    left_out: bool = False
    seconds: float | None = None

    @property
    def went_well(self) -> bool:
        """Whether it did not fail."""
        return self.outcome is not StepOutcome.FAILED


@dataclass(frozen=True, slots=True)
class Tally:
    """How far a backfill has come.

    Args:
        plan: What is to be done.
        done: How the periods ended that were done, oldest first.

    Example:
        >>> pieces = tuple(Piece(Period(part, f"monthly:{part}")) for part in ("04", "05", "06"))
        >>> tally = Tally(Plan(".", "fraud", None, "mes", 1, False, None, pieces))
        >>> tally.in_words()
        'period 04, 1 of 3'
        >>> tally.after(Done("04", "monthly:04", StepOutcome.SUCCESS, "", seconds=60.0)).in_words()
        'period 05, 2 of 3, about 0:02:00 left'
    """

    plan: Plan
    done: tuple[Done, ...] = field(default=())

    def after(self, done: Done) -> Tally:
        """With one more."""
        return replace(self, done=(*self.done, done))

    @property
    def share(self) -> float:
        """Of what was to be done, from 0 to 1."""
        return len(self.done) / max(1, len(self.plan.remaining))

    @property
    def seconds_left(self) -> float | None:
        """If the rest takes as long as what is done; ``None`` before anything is."""
        taken = [done.seconds for done in self.done if done.seconds is not None]
        return sum(taken) / len(taken) * (len(self.plan.remaining) - len(self.done)) if taken else None

    def in_words(self) -> str:
        """Period, n of m, time left."""
        remaining = self.plan.remaining
        if len(self.done) == len(remaining):
            return f"{len(remaining)} of {len(remaining)} periods are done"
        left = "" if self.seconds_left is None else f", about {timedelta(seconds=round(self.seconds_left))} left"
        return f"period {remaining[len(self.done)].period.name}, {len(self.done) + 1} of {len(remaining)}{left}"


def worst(one: Done, other: Done) -> Done:
    """Two things that were done for one period, as one: the worse outcome, and what both say."""
    outcome = max(one.outcome, other.outcome, key=WORST_LAST.index)
    return replace(other, outcome=outcome, message="; ".join(filter(None, (one.message, other.message))))


def summary(tally: Tally) -> dict[str, Any]:
    """The whole backfill, period by period, oldest first, those that were left out among them."""
    done = iter(tally.done)
    told = [next(done) if piece.before is None else _left_out(piece, piece.before) for piece in tally.plan.pieces]
    plan = tally.plan
    return {
        "project": plan.name,
        "scenario": plan.scenario,
        "store": plan.store,
        "version": plan.version,
        "done": len(tally.done),
        "left_out": len(told) - len(tally.done),
        "failed": sum(each.outcome is StepOutcome.FAILED for each in tally.done),
        "periods": [asdict(each) for each in told],
    }


def _left_out(piece: Piece, outcome: StepOutcome) -> Done:
    return Done(
        piece.period.name,
        piece.period.data,
        outcome,
        "on record already",
        run=piece.number,
        evaluation=piece.evaluation,
        left_out=True,
    )


def counted(tally: Tally) -> str:
    """The summary in a sentence.

    Example:
        >>> pieces = (Piece(Period("04", "monthly:04")), Piece(Period("05", "monthly:05"), StepOutcome.SUCCESS))
        >>> done = Done("04", "monthly:04", StepOutcome.FAILED, "there is no such file")
        >>> counted(Tally(Plan(".", "fraud", None, "mes", 1, False, None, pieces), (done,)))
        '1 of 2 periods done (1 FAILED), 1 on record already'
    """
    outcomes = Counter(each.outcome for each in tally.done)
    each_outcome = ", ".join(f"{outcomes[outcome]} {outcome}" for outcome in WORST_LAST if outcomes[outcome])
    periods, done = len(tally.plan.pieces), len(tally.done)
    left_out = f", {periods - done} on record already" if periods > done else ""
    return f"{done} of {periods} periods done{f' ({each_outcome})' if each_outcome else ''}{left_out}"
