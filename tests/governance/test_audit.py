"""The audit trail is a chain: whoever touches it is found, whatever they know of the database."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from governance import chain
from governance.audit import (
    SYSTEM,
    Actor,
    Anchor,
    Tag,
    Tampering,
    Verification,
    check_export,
    export,
    finding,
    list_events,
    note,
    note_export,
    read_anchor,
    verify,
)
from governance.audit.finding import BUSY
from governance.chain import CLOCKS_DIFFER
from governance.database import open_database, reading, transaction
from governance.errors import ClockAhead, ClockMovedBack, NotAllowed, UnreadableFile, UnusableValue
from governance.tables import Assignment, AuditEvent, AuditHead, ProjectRow, User
from governance.vocabulary import Origin, Right, Role
from tests.governance.tampering import tamper
from tests.workplace import KEY

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
ANN = Actor("ann")


def write(engine: Engine, count: int = 1, *, subject: str = "credit/fraud/1", at: datetime = NOON) -> None:
    """So many acts, a minute apart."""
    for number in range(count):
        with transaction(engine) as session:
            moment = at + timedelta(minutes=number)
            note(session, Tag.VERSION_RECORDED, subject, actor=ANN, at=moment, after={"é": number, "share": 0.1})


def verified(engine: Engine, key: bytes = KEY, actor: Actor = SYSTEM, **asked: Any) -> Verification:
    with reading(engine) as session:
        return verify(session, key, actor=actor, **asked)


def lines(engine: Engine) -> list[AuditEvent]:
    with reading(engine) as session:
        return list(session.exec(select(AuditEvent).order_by(col(AuditEvent.number))))


def export_of(engine: Engine) -> tuple[bytes, Anchor]:
    stream = io.BytesIO()
    with reading(engine) as session:
        anchor = export(session, KEY, stream, at=NOON + timedelta(days=1), actor=ANN)
    with transaction(engine) as session:
        note_export(session, anchor, actor=ANN, at=NOON + timedelta(days=1))
    return stream.getvalue(), anchor


@pytest.fixture
def ten(database: Engine) -> Engine:
    """A trail of ten lines."""
    write(database, 10)
    return database


class TestWriting:
    def test_an_empty_trail_is_whole(self, database: Engine) -> None:
        assert verified(database).sentence == "The audit trail is whole: 0 lines."

    def test_every_line_of_an_act_gets_its_place_when_the_act_ends(self, database: Engine) -> None:
        with transaction(database) as session:
            made = [note(session, Tag.DATA_SCORED, f"credit/{n}", actor=ANN, at=NOON) for n in range(3)]
            assert [event.number for event in made] == [None] * 3
        assert [(line.number, line.subject, line.project) for line in lines(database)] == [
            (1, "credit/0", "credit"), (2, "credit/1", "credit"), (3, "credit/2", "credit"),
        ]  # fmt: skip
        assert verified(database).sentence == "The audit trail is whole: 3 lines, the last of 2026-01-15 12:00:00 UTC."

    def test_what_was_undone_leaves_no_gap(self, database: Engine) -> None:
        with transaction(database) as session:
            note(session, Tag.DATA_SCORED, "credit/1", actor=ANN, at=NOON)
            for subject in ("credit/2", "credit/3"):
                with pytest.raises(ZeroDivisionError), session.begin_nested():
                    note(session, Tag.DATA_SCORED, subject, actor=ANN, at=NOON)
                    raise ZeroDivisionError
            with session.begin_nested():
                note(session, Tag.DATA_SCORED, "credit/4", actor=ANN, at=NOON)
        with pytest.raises(ZeroDivisionError), transaction(database) as session:
            note(session, Tag.DATA_SCORED, "credit/5", actor=ANN, at=NOON)
            raise ZeroDivisionError
        write(database, subject="credit/6")
        assert [(line.number, line.subject) for line in lines(database)] == [
            (1, "credit/1"), (2, "credit/4"), (3, "credit/6"),
        ]  # fmt: skip
        assert verified(database).whole

    def test_an_act_of_many_lines_is_sealed_in_portions(self, database: Engine, monkeypatch: Any) -> None:
        monkeypatch.setattr(chain, "_AT_ONCE", 7)
        with transaction(database) as session:
            for number in range(24):
                note(session, Tag.DATA_SCORED, f"credit/{number}", actor=ANN, at=NOON)
        assert [line.subject for line in lines(database)] == [f"credit/{number}" for number in range(24)]
        assert verified(database).whole

    def test_time_goes_forward_as_far_as_clocks_agree(self, database: Engine) -> None:
        write(database)
        write(database, at=NOON - CLOCKS_DIFFER)
        with pytest.raises(ClockMovedBack, match="2026-01-15T12:00:00"):
            write(database, at=NOON - CLOCKS_DIFFER - timedelta(microseconds=1))
        assert verified(database).lines == 2
        assert verified(database).whole

    def test_a_line_later_than_the_longest_pause_is_refused_before_it_is_the_last(
        self, database: Engine, database_url: str
    ) -> None:
        write(database)
        guarded = open_database(database_url, audit_key=KEY, longest_pause=timedelta(days=100))
        late = NOON + timedelta(days=100)
        with pytest.raises(ClockAhead, match=r"written at 2026-01-15T12:00:00.*LONGEST_PAUSE_DAYS to 101 or more"):
            write(guarded, at=late + timedelta(seconds=1))
        assert len(lines(database)) == 1
        write(guarded, at=late)  # and nobody is kept from acting
        patient = open_database(database_url, audit_key=KEY, longest_pause=timedelta(days=400))
        write(patient, at=late + timedelta(days=150))
        assert verified(database).whole and verified(database).lines == 3
        guarded.dispose()
        patient.dispose()

    def test_one_act_can_not_walk_ahead_line_by_line(self, database: Engine, database_url: str) -> None:
        write(database)
        guarded = open_database(database_url, audit_key=KEY, longest_pause=timedelta(days=100))
        with pytest.raises(ClockAhead), transaction(guarded) as session:
            for days in (60, 120):
                note(session, Tag.DATA_SCORED, "credit", actor=ANN, at=NOON + timedelta(days=days))
        assert len(lines(database)) == 1
        guarded.dispose()

    def test_on_postgresql_nothing_lies_ahead_of_the_clock_of_the_server(
        self, database: Engine, database_url: str
    ) -> None:
        guarded = open_database(database_url, audit_key=KEY, longest_pause=timedelta(days=36_500))
        ahead = datetime.now(UTC) + CLOCKS_DIFFER + timedelta(minutes=1)
        if database.dialect.name == "postgresql":
            with pytest.raises(ClockAhead, match="that of the database server says"):
                write(guarded, at=ahead)
            assert lines(database) == []
            write(guarded, at=ahead - timedelta(minutes=2))
        else:  # there is no other clock: said in governance.chain
            write(guarded, at=ahead)
        assert verified(database).lines == 1
        guarded.dispose()

    def test_acts_at_once_make_one_chain_without_a_gap(self, database: Engine) -> None:
        failures: list[BaseException] = []
        start = threading.Barrier(8)

        def act(worker: int) -> None:
            try:
                start.wait()
                for turn in range(6):
                    with transaction(database) as session:
                        for part in range(1 + turn % 3):
                            note(session, Tag.DATA_SCORED, f"w{worker}/{turn}/{part}", actor=ANN, at=NOON)
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=act, args=(worker,)) for worker in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        found = lines(database)
        assert [line.number for line in found] == list(range(1, 97))
        for worker in range(8):
            own = [line.subject for line in found if line.project == f"w{worker}"]
            assert own == sorted(own)
        # The lines of one act stand together.
        acts = [line.subject.rpartition("/")[0] for line in found]
        assert len([1 for one, other in pairwise(acts) if one != other]) == 47
        assert verified(database).whole


def with_number(number: int, change: str) -> str:
    return f"UPDATE audit_event SET {change} WHERE number = {number}"


COPY = "id, at, actor, origin, tag, subject, project, before, after"
TAMPERED = {
    "an actor": ([with_number(4, "actor = 'bob'")], {(Tampering.EDITED, 4, 4)}, "Line 4: edited"),
    "a tag": ([with_number(1, "tag = 'sign_off:approve'")], {(Tampering.EDITED, 1, 1)}, "Line 1: edited"),
    "what was": ([with_number(4, "before = '{}'")], {(Tampering.EDITED, 4, 4)}, "Line 4: edited"),
    "what is": (
        [with_number(10, "after = '{\"share\": 0.2}'")], {(Tampering.EDITED, 10, 10)}, "Line 10: edited"),
    "where it is found": (
        [with_number(4, "project = 'debit'")], {(Tampering.EDITED, 4, 4)}, "Line 4: edited .*'debit'"),
    "a time": (
        [with_number(4, "at = '2026-01-15 11:00:00.000000'")], {(Tampering.BACK_DATED, 4, 4)},
        "Line 4: edited and back-dated to 2026-01-15 11:00:00"),
    "a time, forward": (
        [with_number(4, "at = '2026-01-15 12:03:30.000000'")], {(Tampering.EDITED, 4, 4)}, "Line 4: edited"),
    "a digest": ([with_number(4, f"digest = '{'0' * 64}'")],
                 {(Tampering.EDITED, 4, 4), (Tampering.FORGED, 4, 4)}, "Line 4: "),
    "a seal": ([with_number(4, f"seal = '{'0' * 64}'")], {(Tampering.FORGED, 4, 4)},
               "Line 4: written by somebody without the key"),
    "no seal": ([with_number(4, "seal = NULL")], {(Tampering.FORGED, 4, 4)}, "Line 4: written by somebody"),
    "one in the middle is gone": (
        ["DELETE FROM audit_event WHERE number = 5"], {(Tampering.DELETED, 5, 5)}, "Line 5: deleted"),
    "some in the middle are gone": (
        ["DELETE FROM audit_event WHERE number IN (5, 6, 7, 9)"],
        {(Tampering.DELETED, 5, 7), (Tampering.DELETED, 9, 9)}, "Lines 5 to 7: deleted"),
    "the first is gone": (
        ["DELETE FROM audit_event WHERE number = 1"], {(Tampering.DELETED, 1, 1)}, "Line 1: deleted"),
    "the last is gone": (
        ["DELETE FROM audit_event WHERE number = 10"], {(Tampering.DELETED, 10, 10)}, "Line 10: deleted"),
    "the last ones are gone": (
        ["DELETE FROM audit_event WHERE number > 7"], {(Tampering.DELETED, 8, 10)}, "Lines 8 to 10: deleted"),
    "all are gone": (["DELETE FROM audit_event"], {(Tampering.DELETED, 1, 10)}, "Lines 1 to 10: deleted"),
    "the last is gone, and the end says so": (
        ["DELETE FROM audit_event WHERE number = 10",
         "UPDATE audit_head SET number = 9, digest = (SELECT digest FROM audit_event WHERE number = 9)"],
        {(Tampering.END_MOVED, 9, 9)}, "The end of the trail, at line 9: moved by somebody without the key"),
    "the end is gone": (["DELETE FROM audit_head"], {(Tampering.END_MOVED, 10, 10)}, "not recorded any more"),
    "the time of the end": (
        ["UPDATE audit_head SET at = '2027-01-01 00:00:00.000000'"], {(Tampering.END_MOVED, 10, 10)}, "its time"),
    "two change places": (
        [with_number(5, "number = -1"), with_number(6, "number = 5"), with_number(-1, "number = 6")],
        {(Tampering.REORDERED, 5, 5), (Tampering.REORDERED, 6, 6)}, "Line 5: reordered .it says what line 6 said"),
    "two far apart change places": (
        [with_number(2, "number = -1"), with_number(9, "number = 2"), with_number(-1, "number = 9")],
        {(Tampering.REORDERED, 2, 2), (Tampering.REORDERED, 9, 9)}, "Line 2: reordered .it says what line 9 said"),
    "what two say is exchanged": (
        [with_number(3, "actor = 'x'"),
         "UPDATE audit_event SET at = (SELECT o.at FROM audit_event o WHERE o.number = 4), "
         "after = (SELECT o.after FROM audit_event o WHERE o.number = 4), actor = 'ann' WHERE number = 3"],
        {(Tampering.EDITED, 3, 3)}, "Line 3: edited"),
    "a line gone, the rest moved up": (
        ["DELETE FROM audit_event WHERE number = 5",
         *(with_number(number, f"number = {number - 1}") for number in range(6, 11))],
        {(Tampering.EDITED, 5, 5), (Tampering.REORDERED, 6, 6), (Tampering.REORDERED, 7, 7),
         (Tampering.REORDERED, 8, 8), (Tampering.REORDERED, 9, 9), (Tampering.DELETED, 10, 10)},
        "Line 5: edited"),
    "one outside of the chain": (
        [f"INSERT INTO audit_event ({COPY}) SELECT 77, at, 'bob', origin, tag, subject, project, before, after "
         "FROM audit_event WHERE number = 10"], {(Tampering.INSERTED, 0, 0)}, "A line outside the chain .row 77"),
    "one behind the end": (
        [f"INSERT INTO audit_event ({COPY}, number, digest, seal) SELECT 77, at, 'bob', origin, tag, subject, project, "
         "before, after, 11, digest, seal FROM audit_event WHERE number = 10"],
        {(Tampering.EDITED, 11, 11), (Tampering.END_MOVED, 11, 11)}, "Line 11: "),
    "one before the first": (
        [f"INSERT INTO audit_event ({COPY}, number, digest, seal) SELECT 77, at, 'bob', origin, tag, subject, project, "
         "before, after, 0, digest, seal FROM audit_event WHERE number = 10"],
        {(Tampering.INSERTED, 0, 0)}, "Line 0: inserted"),
}  # fmt: skip
"""What is done, as whom the database lets do anything; what must be found; how the first sentence must begin."""


class TestTampering:
    @pytest.mark.parametrize("what", TAMPERED)
    def test_is_found_and_named(self, ten: Engine, what: str) -> None:
        statements, expected, sentence = TAMPERED[what]
        tamper(ten, *statements)
        found = verified(ten)
        assert {(problem.kind, problem.first, problem.last) for problem in found.problems} == expected
        assert not found.whole
        assert found.sentence.startswith("The audit trail was tampered with. ")
        assert re.search(sentence, found.sentence)

    def test_somebody_who_makes_the_digests_again_can_not_make_the_seals(self, ten: Engine) -> None:
        forged = lines(ten)
        forged[4].actor = "bob"
        before = forged[3].digest or ""
        for line in forged[4:]:
            before = chain.digest_of_line(line.number or 0, before, {name: getattr(line, name) for name in chain.SAID})
            line.digest = before
        for line in forged[4:]:
            tamper(ten, f"UPDATE audit_event SET actor = '{line.actor}', digest = '{line.digest}', "
                        f"seal = '{chain.seal_of(b'guessed', line.digest)}' WHERE number = {line.number}")  # fmt: skip
        tamper(ten, f"UPDATE audit_head SET digest = '{before}', seal = '{chain.seal_of(b'guessed', 10, before)}'")
        found = verified(ten)
        assert [(problem.kind, problem.first, problem.last) for problem in found.problems] == [
            (Tampering.FORGED, 5, 10), (Tampering.END_MOVED, 10, 10),
        ]  # fmt: skip
        assert "Lines 5 to 10: written by somebody without the key" in found.sentence

    def test_with_another_key_the_first_thing_said_is_that(self, ten: Engine) -> None:
        found = verified(ten, b"another")
        assert not found.whole
        assert found.sentence.startswith("No line is sealed with this key: use the key of this installation")

    def test_an_old_end_put_back_is_found_by_an_anchor_only(self, ten: Engine) -> None:
        with reading(ten) as session:
            old = session.exec(select(AuditHead)).one()
        write(ten, 5, at=NOON + timedelta(hours=1))
        _, anchor = export_of(ten)
        tamper(
            ten,
            "DELETE FROM audit_event WHERE number > 10",
            f"UPDATE audit_head SET number = 10, digest = '{old.digest}', seal = '{old.seal}', "
            "at = (SELECT at FROM audit_event WHERE number = 10)",
        )
        assert verified(ten).whole
        found = verified(ten, anchor=anchor)
        assert [(problem.kind, problem.first, problem.last) for problem in found.problems] == [
            (Tampering.DELETED, 11, 15)
        ]
        write(ten, 6, subject="other", at=NOON + timedelta(hours=1))
        assert verified(ten).whole
        assert [problem.kind for problem in verified(ten, anchor=anchor).problems] == [Tampering.REPLACED]

    def test_an_anchor_of_before_fits_a_trail_that_has_grown(self, ten: Engine) -> None:
        _, anchor = export_of(ten)
        write(ten, 3, at=NOON + timedelta(days=2))
        assert verified(ten, anchor=anchor).whole
        assert [problem.sentence for problem in verified(ten, anchor=replace(anchor, lines=9)).problems] == [
            "The anchor was not made with this key"
        ]

    def test_the_story_of_a_few_is_looked_for_and_the_rest_is_counted(self, database: Engine) -> None:
        write(database, 60)
        tamper(database, "UPDATE audit_event SET actor = 'bob' WHERE number > 10")
        found = verified(database)
        assert (found.problems[-1].kind, found.problems[-1].first, found.problems[-1].last) == (
            Tampering.EDITED,
            35,
            60,
        )
        assert len(found.problems) == 25

    def test_whoever_waits_hears_how_far_it_has_come(self, ten: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("governance.audit.reading.AT_ONCE", 3)
        monkeypatch.setattr("governance.audit.verifying.AT_ONCE", 3)
        told: list[tuple[int, int]] = []
        assert verified(ten, tell=lambda done, of: told.append((done, of))).lines == 10
        assert told == [(3, 10), (6, 10), (9, 10)]


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE audit_event SET actor = 'bob'", "never changed or removed"),
        ("UPDATE audit_event SET number = number + 100", "never changed or removed"),
        ("UPDATE audit_event SET number = 11, digest = 'x', seal = 'x' WHERE number = 10", "never changed or removed"),
        ("DELETE FROM audit_event", "never changed or removed"),
        (f"INSERT INTO audit_event ({COPY}, number) SELECT 77, at, actor, origin, tag, subject, project, before, after, "
         "11 FROM audit_event WHERE number = 10", "sealed when its act ends"),
        (f"INSERT INTO audit_event ({COPY}, seal) SELECT 77, at, actor, origin, tag, subject, project, before, after, "
         "'x' FROM audit_event WHERE number = 10", "sealed when its act ends"),
        ("UPDATE audit_head SET number = 9", "moves forward only"),
        ("UPDATE audit_head SET number = 11", "moves forward only"),
        ("UPDATE audit_head SET number = 10, digest = 'x'", "moves forward only"),
        ("UPDATE audit_head SET at = NULL", "moves forward only"),
        ("DELETE FROM audit_head", "moves forward only"),
        ("INSERT INTO audit_head (id, number, digest, seal) VALUES (2, 0, '', '')", "moves forward only"),
    ],
)  # fmt: skip
def test_the_database_itself_refuses_to_touch_the_trail(ten: Engine, statement: str, sentence: str) -> None:
    with pytest.raises(IntegrityError, match=sentence), transaction(ten) as session:
        session.connection().execute(text(statement))
    assert verified(ten).whole


@pytest.mark.parametrize("place", [1, 10, 9, -1])
def test_an_unsealed_line_goes_behind_the_end_only(ten: Engine, place: int) -> None:
    with pytest.raises(IntegrityError), transaction(ten) as session:
        session.connection().execute(
            text("INSERT INTO audit_event (at, actor, origin, tag, subject) SELECT at, actor, origin, tag, subject "
                 "FROM audit_event WHERE number = 1")
        )  # fmt: skip
        verb = "UPDATE OR REPLACE" if ten.dialect.name == "sqlite" else "UPDATE"
        session.connection().execute(
            text(f"{verb} audit_event SET number = {place}, digest = 'x', seal = 'x' WHERE number IS NULL")
        )
    assert verified(ten).whole


class TestExporting:
    def test_a_third_party_needs_nothing_but_sha256(self, ten: Engine) -> None:
        content, anchor = export_of(ten)
        before = ""
        for number, raw in enumerate(content.splitlines(), start=1):
            found = json.loads(raw)
            digested = raw[raw.index(b'"line":') + len(b'"line":') : raw.rindex(b',"seal":')]
            assert hashlib.sha256(digested).hexdigest() == found["digest"]
            assert (found["line"]["number"], found["line"]["digest_before"]) == (number, before)
            before = found["digest"]
        assert (anchor.lines, anchor.number, anchor.digest) == (10, 10, before)
        assert anchor.sha256 == hashlib.sha256(content).hexdigest()
        assert anchor.sealed_with(KEY)
        assert not anchor.sealed_with(b"another")
        assert found["line"]["after"] == {"é": 9, "share": 0.1}

    def test_that_it_was_exported_is_the_next_line(self, ten: Engine) -> None:
        _, anchor = export_of(ten)
        last = lines(ten)[-1]
        assert (last.number, last.tag, last.actor) == (11, Tag.AUDIT_EXPORTED, "ann")
        assert last.after == {"lines": 10, "number": 10, "digest": anchor.digest, "sha256": anchor.sha256}

    def test_others_write_while_it_is_exported(self, ten: Engine) -> None:
        stream = io.BytesIO()
        with reading(ten) as session:
            write(ten, at=NOON + timedelta(hours=1))
            anchor = export(session, KEY, stream, at=NOON + timedelta(days=1), actor=ANN, tell=None)
            write(ten, at=NOON + timedelta(hours=2))
        with transaction(ten) as session:
            note_export(session, anchor, actor=ANN, at=NOON + timedelta(days=1))
        assert check_export(stream.getvalue().splitlines(keepends=True), anchor).whole
        found = lines(ten)
        assert [line.tag for line in found][-1] == Tag.AUDIT_EXPORTED
        assert found[-1].after["number"] == anchor.number < len(found)
        assert verified(ten, anchor=anchor).whole

    def test_an_untouched_export_is_whole_and_continues_the_one_before(self, ten: Engine) -> None:
        first, early = export_of(ten)
        write(ten, 2, at=NOON + timedelta(days=1))
        second, late = export_of(ten)
        assert check_export(io.BytesIO(first), early).whole
        assert check_export(io.BytesIO(second), late, earlier=early).lines == 13
        assert check_export(io.BytesIO(second), late, earlier=early).whole
        assert second.startswith(first)

    def test_of_an_empty_trail(self, database: Engine) -> None:
        content, anchor = export_of(database)
        assert content == b""
        assert check_export(io.BytesIO(), anchor).whole
        second, late = export_of(database)
        assert check_export(io.BytesIO(second), late, earlier=anchor).whole

    @pytest.mark.parametrize(
        ("change", "kind", "sentence"),
        [
            (
                lambda rows: [*rows[:3], rows[3].replace(b'"ann"', b'"bob"'), *rows[4:]],
                Tampering.EDITED,
                "Line 4: edited",
            ),
            (
                lambda rows: [*rows[:3], rows[3].replace(b'"ann"', b'"ann" '), *rows[4:]],
                Tampering.EDITED,
                "Line 4 of the",
            ),
            (lambda rows: [*rows[:3], *rows[4:]], Tampering.DELETED, "Line 4: deleted"),
            (lambda rows: rows[:-2], Tampering.DELETED, "Lines 9 to 10: deleted"),
            (lambda rows: rows[1:], Tampering.DELETED, "Line 1: deleted"),
            (lambda rows: [rows[1], rows[0], *rows[2:]], Tampering.DELETED, "Line 1: deleted"),
            (lambda rows: [*rows, rows[-1]], Tampering.INSERTED, "Line 10: inserted"),
            (lambda rows: [*rows[:-1], rows[-1][:40]], Tampering.EDITED, "Line 10 of the file: edited"),
            (lambda rows: [*rows, b"\n"], Tampering.EDITED, "Line 11 of the file: edited"),
            (lambda rows: [*rows[:2], b"[" * 100_000, *rows[2:]], Tampering.EDITED, "Line 3 of the file: edited"),
            (
                lambda rows: [*rows[:9], rows[9].replace(b'"seal":"', b'"seal":"0')],
                Tampering.REPLACED,
                "The file is not",
            ),
            (lambda _rows: [], Tampering.DELETED, "Lines 1 to 10: deleted"),
        ],
    )
    def test_what_was_done_to_a_file_is_named(
        self, ten: Engine, change: Callable[[list[bytes]], list[bytes]], kind: Tampering, sentence: str
    ) -> None:
        content, anchor = export_of(ten)
        found = check_export(change(content.splitlines(keepends=True)), anchor)
        assert found.problems[0].kind is kind
        assert found.problems[0].sentence.startswith(sentence)

    def test_an_export_that_does_not_continue_the_one_before_is_named(self, ten: Engine) -> None:
        content, anchor = export_of(ten)
        other = replace(anchor, number=7, lines=7, digest="0" * 64)
        (problem,) = check_export(io.BytesIO(content), anchor, earlier=other).problems
        assert problem.sentence.startswith("Line 7: replaced")

    def test_an_anchor_comes_back_from_its_file(self, ten: Engine) -> None:
        _, anchor = export_of(ten)
        assert read_anchor(anchor.as_json(), "a") == anchor

    @pytest.mark.parametrize("content", ["", "[]", "null", "{}", '{"lines": 1}', "[" * 100_000])
    def test_what_is_no_anchor_is_refused(self, content: str) -> None:
        with pytest.raises(UnreadableFile, match="it is no anchor of an audit trail"):
            read_anchor(content, "file")


class TestListing:
    @pytest.fixture
    def trail(self, database: Engine) -> Engine:
        """Three projects, two people, several subjects."""
        with transaction(database) as session:
            for name in ("credit", "debit", "credit_2"):
                session.add(ProjectRow(name=name, folder="/", created_at=NOON))
        for number, (subject, actor, tag) in enumerate(
            [
                ("credit", ANN, Tag.PROJECT_REGISTERED), ("credit/fraud/1", ANN, Tag.VERSION_RECORDED),
                ("credit/fraud/10", Actor("bob", Origin.API), Tag.VERSION_RECORDED), ("debit", ANN, Tag.PROJECT_REGISTERED),
                ("credit_2/fraud/1", ANN, Tag.VERSION_RECORDED), ("user:ann", SYSTEM, Tag.USER_CREATED),
                ("credit/fraud", ANN, Tag.DATA_SCORED),
            ]
        ):  # fmt: skip
            with transaction(database) as session:
                note(session, tag, subject, actor=actor, at=NOON + timedelta(minutes=number))
        return database

    def numbers(self, engine: Engine, filters: dict[str, str], who: Actor = ANN) -> list[int | None]:
        with reading(engine) as session:
            return [event.number for event in list_events(session, actor=who, filters=filters).rows]

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({}, [7, 6, 5, 4, 3, 2, 1]), ({"subject": "credit"}, [7, 3, 2, 1]), ({"subject": "credit/fraud"}, [7, 3, 2]),
            ({"subject": "credit/fraud/1"}, [2]), ({"subject": "credit/"}, [7, 3, 2, 1]), ({"subject": "cred"}, []),
            ({"actor": "bob"}, [3]), ({"origin": "system"}, [6]), ({"tag": "version:recorded"}, [5, 3, 2]),
            ({"tag": "version:recorded", "subject": "credit"}, [3, 2]), ({"number": "4"}, [4]),
            ({"from": "2026-01-15T12:02:00", "to": "2026-01-15T12:04:00"}, [4, 3]), ({"actor": "' OR ''='"}, []),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("busy", [1, BUSY])
    def test_filters(
        self, trail: Engine, filters: dict[str, str], expected: list[int], busy: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(finding, "BUSY", busy)
        assert self.numbers(trail, filters) == expected

    def test_the_oldest_can_come_first_and_pages_continue(self, trail: Engine) -> None:
        with reading(trail) as session:
            first = list_events(session, actor=ANN, sort="at", limit=4)
            rest = list_events(session, actor=ANN, sort="at", limit=4, after=first.next)
        assert [event.number for event in (*first.rows, *rest.rows)] == [1, 2, 3, 4, 5, 6, 7]

    @pytest.mark.parametrize("filters", [{"origin": "mars"}, {"from": "noon"}, {"before": "{}"}])
    def test_what_can_not_be_filtered_by_is_refused(self, trail: Engine, filters: dict[str, str]) -> None:
        with pytest.raises(UnusableValue):
            self.numbers(trail, filters)

    def test_people_see_the_projects_that_they_may_read_and_nothing_else(self, trail: Engine) -> None:
        with transaction(trail) as session:
            for name in ("ann", "rita", "root"):
                session.add(User(name=name, created_at=NOON))
            keys = {row.name: row.id for row in session.exec(select(ProjectRow))}
            assign(session, "rita", Role.READER, keys["credit"])
            assign(session, "rita", Role.REVIEWER, keys["debit"], "risk")
            assign(session, "root", Role.ADMINISTRATOR, None)
        assert self.numbers(trail, {}, Actor("root")) == [7, 6, 5, 4, 3, 2, 1]
        assert self.numbers(trail, {}, Actor("rita")) == [7, 4, 3, 2, 1]
        assert self.numbers(trail, {"subject": "credit_2"}, Actor("rita")) == []
        assert self.numbers(trail, {}, Actor("ann")) == [6], "the line on herself"
        assert self.numbers(trail, {}, Actor("nobody")) == []

    def test_lines_on_people_are_for_administrators_of_everything_besides_those_on_oneself(self, trail: Engine) -> None:
        with transaction(trail) as session:
            for name in ("rita", "root", "petra"):
                session.add(User(name=name, created_at=NOON))
            credit = session.exec(select(ProjectRow.id).where(ProjectRow.name == "credit")).one()
            assign(session, "rita", Role.READER, None)
            assign(session, "root", Role.ADMINISTRATOR, None)
            assign(session, "petra", Role.ADMINISTRATOR, credit)
            for subject in ("user:rita", "group:team", "token:1", "user:root"):
                note(session, Tag.USER_CHANGED, subject, actor=Actor("rita"), at=NOON + timedelta(minutes=9))
        assert self.numbers(trail, {}, Actor("root")) == [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
        assert self.numbers(trail, {}, Actor("rita")) == [8, 7, 5, 4, 3, 2, 1]
        assert self.numbers(trail, {}, Actor("petra")) == [7, 3, 2, 1]
        for subject in ("user:ann", "group:team", "token:1", "user:root"):
            assert self.numbers(trail, {"subject": subject}, Actor("rita")) == []
        assert self.numbers(trail, {"subject": "user:rita"}, Actor("rita")) == [8]
        to_read = Actor("root", scope=frozenset({Right.READ}))
        assert self.numbers(trail, {"subject": "user:ann"}, to_read) == []


def test_who_may_not_read_everywhere_neither_verifies_nor_exports_and_a_token_to_read_does_not_export(
    ten: Engine,
) -> None:
    with transaction(ten) as session:
        project = ProjectRow(name="credit", folder="/", created_at=NOON)
        session.add_all([project, User(name="ann", created_at=NOON), User(name="rita", created_at=NOON)])
        session.flush()
        assign(session, "ann", Role.READER, project.id)
        assign(session, "rita", Role.READER, None)
    to_read = Actor("rita", scope=frozenset({Right.READ}))
    with pytest.raises(NotAllowed):
        verified(ten, actor=ANN)
    assert verified(ten, actor=to_read).whole
    for who in (ANN, to_read):
        stream = io.BytesIO()
        with reading(ten) as session, pytest.raises(NotAllowed):
            export(session, KEY, stream, at=NOON, actor=who)
        assert stream.getvalue() == b""


def assign(session: Session, person: str, role: Role, project_id: int | None, group: str = "") -> None:
    session.add(Assignment(project_id=project_id, person=person, role=role, group=group))


def test_two_processes_write_one_chain(database_url: str) -> None:
    script = (
        "import sys; from datetime import UTC, datetime; from governance.audit import Actor, Tag, note\n"
        "from governance.database import open_database, transaction\n"
        f"engine = open_database(sys.argv[1], audit_key={KEY!r})\n"
        "for n in range(10):\n"
        "    with transaction(engine) as session:\n"
        "        note(session, Tag.DATA_SCORED, f'p/{n}', actor=Actor('ann'), at=datetime(2026, 1, 1, tzinfo=UTC))\n"
    )
    command = [sys.executable, "-c", script, database_url]
    running = [subprocess.Popen(command, env={"PYTHONPATH": str(Path.cwd())}) for _ in range(4)]
    assert [process.wait(timeout=120) for process in running] == [0] * 4
    engine = open_database(database_url, audit_key=KEY)
    assert [line.number for line in lines(engine)] == list(range(1, 41))
    assert verified(engine).whole
    engine.dispose()
