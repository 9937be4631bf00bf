"""Going along a chain of lines: where it breaks, and what was done there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import product
from typing import Any, Final

from governance.chain import digest_of_line

_LOOKED_INTO: Final = 24
"""Lines that don't fit whose story is looked for; with every one more there are more stories to try."""

Progress = Callable[[int, int], None]
"""Is told now and then how many lines of how many are done."""


class Tampering(StrEnum):
    """What can be done to a trail by whoever can write to its database."""

    EDITED = "edited"
    BACK_DATED = "back-dated"
    DELETED = "deleted"
    REORDERED = "reordered"
    INSERTED = "inserted"
    FORGED = "forged"
    END_MOVED = "end moved"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Problem:
    """One place where a trail is not what was written.

    Args:
        kind: What was done.
        first: Number of the line; of the first, when it is about several.
        last: Number of the last one.
        sentence: The same for people.
    """

    kind: Tampering
    first: int
    last: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What came out.

    Args:
        lines: How many there are.
        problems: All that was found, in the order of the lines; empty: nobody has touched the trail.
        sentence: What a person needs to know first.
    """

    lines: int
    problems: tuple[Problem, ...]
    sentence: str

    @property
    def whole(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Line:
    """One line with its place in the chain; ``before`` is what it says itself of the line before, if it does."""

    number: int
    digest: str | None
    seal: str | None
    said: Mapping[str, Any]
    before: str | None = None


@dataclass(slots=True)
class Walk:
    """Goes along lines in the order of their numbers, in bounded memory.

    Args:
        seal_fits: Whether the seal of a line is that of the key; none: nobody here has the key.
    """

    seal_fits: Callable[[Line], bool] | None = None
    lines: int = 0
    number: int = 0
    digest: str | None = ""
    at: datetime | None = None
    unsealed: int = 0
    problems: list[Problem] = field(default_factory=list)
    _strangers: list[_Stranger] = field(default_factory=list)
    _more: list[int] = field(default_factory=list)
    _forged: list[int] = field(default_factory=list)

    def step(self, line: Line) -> None:
        """Look at the next line."""
        if line.number <= self.number:
            sentence = f"Line {line.number:,}: inserted (there is no place for it)"
            self.problems.append(Problem(Tampering.INSERTED, line.number, line.number, sentence))
            return
        if line.number > self.number + 1:
            self._missing(self.number + 1, line.number - 1, f"what line {line.number:,} says can't be checked alone")
        elif digest_of_line(line.number, self.digest or "", line.said) != line.digest or line.before not in {
            None,
            self.digest,
        }:
            if len(self._strangers) < _LOOKED_INTO:
                self._strangers.append(_Stranger(line, self.digest or "", self.at))
            else:
                _extend(self._more, line.number)
        if self.seal_fits is not None and not self.seal_fits(line):
            self.unsealed += 1
            if self._forged and self._forged[1] == line.number - 1:
                self._forged[1] = line.number
            else:
                self._end_of_forged()
                self._forged = [line.number, line.number]
        self.lines, self.number, self.digest = self.lines + 1, line.number, line.digest
        at = line.said["at"]
        self.at = at if self.at is None else max(self.at, at)

    def end(self, number: int | None) -> list[Problem]:
        """Say what was found.

        Args:
            number: Of the line at which the trail is known to end; none: nobody knows.
        """
        self._end_of_forged()
        ends = self.number if number is None else number
        self.problems += _stories(self._strangers, shift=ends - self.number)
        if self._more:
            first, last = self._more
            sentence = f"{_lines(first, last)}: more of them do not fit the line before"
            self.problems.append(Problem(Tampering.EDITED, first, last, sentence))
        if ends > self.number:
            self._missing(
                self.number + 1, ends, "they were the last ones" if ends > self.number + 1 else "the last one"
            )
        elif ends < self.number:
            sentence = f"{_lines(ends + 1, self.number)}: behind the end of the trail, which is at line {ends:,}"
            self.problems.append(Problem(Tampering.END_MOVED, ends + 1, self.number, sentence))
        return sorted(self.problems, key=lambda problem: problem.first)

    def _missing(self, first: int, last: int, besides: str) -> None:
        sentence = f"{_lines(first, last)}: deleted ({besides})"
        self.problems.append(Problem(Tampering.DELETED, first, last, sentence))

    def _end_of_forged(self) -> None:
        if self._forged:
            first, last = self._forged
            sentence = f"{_lines(first, last)}: written by somebody without the key (the seal is not ours)"
            self.problems.append(Problem(Tampering.FORGED, first, last, sentence))
            self._forged = []


@dataclass(frozen=True, slots=True)
class _Stranger:
    """A line that does not fit the line before."""

    line: Line
    before: str
    at: datetime | None


def verdict(lines: int, problems: Sequence[Problem], last: datetime | None) -> Verification:
    """What came out, with the sentence that a person needs first."""
    if problems:
        more = f", and {len(problems) - 1:,} more" if len(problems) > 1 else ""
        sentence = f"The audit trail was tampered with. {problems[0].sentence}{more}."
    else:
        until = "" if last is None else f", the last of {last:%Y-%m-%d %H:%M:%S} UTC"
        sentence = f"The audit trail is whole: {lines:,} {'line' if lines == 1 else 'lines'}{until}."
    return Verification(lines, tuple(problems), sentence)


def _stories(strangers: Sequence[_Stranger], shift: int) -> Iterable[Problem]:
    """What happened to lines that do not fit, found by trying where each of them would."""
    digests = {stranger.line.digest for stranger in strangers if stranger.line.digest}
    made_again = {digest_of_line(each.line.number, each.before, each.line.said) for each in strangers}
    before = sorted({stranger.before for stranger in strangers} | digests | made_again)
    places = {stranger.line.number for stranger in strangers}
    for stranger in strangers:
        line, number = stranger.line, stranger.line.number
        if any(digest_of_line(number, digest, line.said) == line.digest for digest in before):
            continue  # it is as it was written: the line before is not
        elsewhere = sorted((places | {number + shift}) - {number})
        home = next(
            (place for place, digest in product(elsewhere, before)
             if digest_of_line(place, digest, line.said) in digests), None,
        )  # fmt: skip
        if home is not None:
            sentence = f"Line {number:,}: reordered (it says what line {home:,} said)"
            yield Problem(Tampering.REORDERED, number, number, sentence)
        elif stranger.at is not None and line.said["at"] < stranger.at:
            when = f"{line.said['at']:%Y-%m-%d %H:%M:%S}"
            sentence = f"Line {number:,}: edited and back-dated to {when} (the line before is later)"
            yield Problem(Tampering.BACK_DATED, number, number, sentence)
        else:
            what = f"{line.said['tag']} on {line.said['subject']} by {line.said['actor']}"
            yield Problem(Tampering.EDITED, number, number, f"Line {number:,}: edited (it now says: {what})")


def _lines(first: int, last: int) -> str:
    return f"Line {first:,}" if first == last else f"Lines {first:,} to {last:,}"


def _extend(reach: list[int], number: int) -> None:
    reach[:] = [reach[0] if reach else number, number]
