"""Channels are told of runs: once for each trouble, until it arrives, and never with a secret on record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from threading import Barrier, Thread
from time import monotonic
from typing import Any

import pytest
from sqlmodel import Session

from governance.database import transaction
from governance.errors import UnusableValue
from governance.notices import Sent
from governance.notices.claiming import DELAYS, GIVEN_UP_AFTER
from governance.notices.delivery import Message, deliver
from governance.project_file import Reporter
from governance.reports import (
    add_message,
    decide_reports,
    latest_ended,
    list_reports,
    send_due,
    state_of,
    supersede,
)
from governance.reports.sending import LEASE
from governance.scenario_runs import steps_of
from governance.tables import Incident, ProjectRow, Report, ScenarioRun, StepRun
from governance.vocabulary import ReportAt, ReportKind, ScenarioOutcome, StepKind, StepOutcome
from tests.governance.http_receiver import HttpReceiver, http_receiver
from tests.governance.mail_server import mail_server
from tests.governance.world import NOON, World

Ended = ScenarioOutcome
HOUR = timedelta(hours=1)
END = [Reporter(channel="team")]
"""A reporter as people write it: of troubles, and a reminder after a day."""


@pytest.fixture
def hook() -> Iterator[HttpReceiver]:
    with http_receiver() as receiver:
        yield receiver


def check(name: str, outcome: str, value: float = 0.5) -> dict[str, Any]:
    return {"name": name, "outcome": outcome, "value": value, "empty": "warning", "message": f"it is {value}"}


def ran(
    world: World,
    outcome: ScenarioOutcome | None,
    at: datetime,
    steps: Mapping[str, StepOutcome] | None = None,
    *checks: dict[str, Any],
    trigger: str = "schedule",
    scenario: str = "daily",
) -> int:
    """A run that ended then, an hour after it began; gives its number."""
    bad = {Ended.FAILED: StepOutcome.FAILED, Ended.WARNING: StepOutcome.WARNING}.get(outcome or Ended.SUCCESS)
    with transaction(world.engine) as session:
        run = ScenarioRun(
            project_id=1, scenario=scenario, trigger=trigger, parameters={}, outcome=outcome, host="here", process_id=1,
            started_by="ada", started_at=at - HOUR, ended_at=at if outcome else None,
        )  # fmt: skip
        session.add(run)
        session.flush()
        performed = steps if steps is not None else {"Check": bad or StepOutcome.SUCCESS}
        for position, (name, ended) in enumerate(performed.items()):
            session.add(
                StepRun(
                    run_id=run.id,
                    position=position,
                    name=name,
                    kind=StepKind.RUN_CHECKS,
                    outcome=ended,
                    message="",
                    result={"checks": list(checks)},
                    started_at=at,
                    ended_at=at,
                )
            )
        return run.id or 0


def told(
    world: World, run_id: int, reporters: list[Reporter] | None = None, at: ReportAt = ReportAt.END
) -> list[tuple[str, ReportKind, int]]:
    """Decide, and write what was decided, as one transaction."""
    with transaction(world.engine) as session:
        run = session.get_one(ScenarioRun, run_id)
        news = decide_reports(session, run, END if reporters is None else reporters, steps_of(session, run), at)
        for one in news:
            moment = run.started_at if at is ReportAt.START else run.ended_at
            add_message(session, one.channel, "TEAM_URL", one.kind, one.kind, "", run_id, moment or NOON)
        return [(one.channel, one.kind, one.runs) for one in news]


def waiting(world: World, *subjects: str, variable: str = "TEAM_URL", html: str = "") -> None:
    with transaction(world.engine) as session:
        for subject in subjects:
            add_message(session, "team", variable, subject, f"text of {subject}", html, None, NOON)


def going(*urls: str) -> Callable[[str], str | None]:
    """Where variables lead: TEAM_URL, OTHER_URL."""
    return dict(zip(("TEAM_URL", "OTHER_URL"), urls, strict=False)).get


class TestAnIncident:
    def test_is_told_once_then_reminded_of_and_told_to_be_over(self, world: World) -> None:
        ends = [
            (Ended.FAILED, 0, [("team", ReportKind.END, 1)]),
            (Ended.FAILED, 8, []),
            (Ended.FAILED, 23, []),
            (Ended.FAILED, 24, [("team", ReportKind.REMINDER, 4)]),
            (Ended.FAILED, 47, []),
            (Ended.FAILED, 48, [("team", ReportKind.REMINDER, 6)]),
            (Ended.SUCCESS, 49, [("team", ReportKind.OVER, 6)]),
            (Ended.SUCCESS, 50, []),
            (Ended.FAILED, 51, [("team", ReportKind.END, 1)]),
        ]
        for outcome, hours, expected in ends:
            assert told(world, ran(world, outcome, NOON + hours * HOUR)) == expected, hours
        first, second = sorted(world.read(Incident), key=lambda one: one.id)
        assert (first.runs, first.began_at, first.last_at, first.ended_at) == (
            6, NOON, NOON + 48 * HOUR, NOON + 49 * HOUR,
        )  # fmt: skip
        assert (second.runs, second.ended_at) == (1, None)

    def test_of_another_cause_is_told_at_once(self, world: World) -> None:
        high, low = check("high", "ERROR"), check("low", "ERROR")
        causes: list[tuple[ScenarioOutcome, dict[str, StepOutcome], list[dict[str, Any]]]] = [
            (Ended.FAILED, {"Check": StepOutcome.FAILED}, [high]),
            (Ended.FAILED, {"Check": StepOutcome.FAILED}, [high, low]),
            (Ended.FAILED, {"Load": StepOutcome.FAILED, "Check": StepOutcome.SKIPPED}, []),
            (Ended.WARNING, {"Check": StepOutcome.WARNING}, [check("high", "WARNING")]),
            (Ended.ABORTED, {}, []),
        ]
        for hours in (0, 1):
            for number, (outcome, steps, checks) in enumerate(causes):
                run = ran(world, outcome, NOON + hours * HOUR + number * timedelta(minutes=1), steps, *checks)
                assert len(told(world, run)) == 1 - hours, (hours, number)
        assert [one.runs for one in world.read(Incident)] == [2] * 5

    def test_is_the_same_whatever_the_values_are_and_what_warns_beside_it(self, world: World) -> None:
        failed = {"Load": StepOutcome.SUCCESS, "Check": StepOutcome.FAILED}
        assert told(world, ran(world, Ended.FAILED, NOON, failed, check("high", "ERROR", 0.5)))
        warned = {"Load": StepOutcome.WARNING, "Check": StepOutcome.FAILED}
        again = ran(world, Ended.FAILED, NOON + HOUR, warned, check("high", "ERROR", 0.7), check("low", "WARNING"))
        assert told(world, again) == []

    def test_belongs_to_a_scenario_and_a_channel(self, world: World) -> None:
        assert told(world, ran(world, Ended.FAILED, NOON))
        other = ran(world, Ended.FAILED, NOON + HOUR, scenario="weekly")
        assert told(world, other) == [("team", ReportKind.END, 1)]
        both = [Reporter(channel="team"), Reporter(channel="boss")]
        assert told(world, ran(world, Ended.FAILED, NOON + 2 * HOUR), both) == [("boss", ReportKind.END, 1)]

    def test_goes_on_through_a_run_that_was_aborted(self, world: World) -> None:
        only = [Reporter(channel="team", outcome_is=[Ended.FAILED])]
        assert told(world, ran(world, Ended.FAILED, NOON), only)
        assert told(world, ran(world, Ended.ABORTED, NOON + HOUR), only) == []
        assert told(world, ran(world, Ended.FAILED, NOON + 2 * HOUR), only) == []
        assert told(world, ran(world, Ended.WARNING, NOON + 3 * HOUR), only) == [("team", ReportKind.OVER, 2)]

    def test_is_reminded_of_after_the_hours_that_the_reporter_says(self, world: World) -> None:
        often = [Reporter(channel="team", remind_after_hours=2), Reporter(channel="team")]
        kinds = [told(world, ran(world, Ended.FAILED, NOON + hours * HOUR), often) for hours in range(5)]
        assert [[kind for _, kind, _ in one] for one in kinds] == [
            [ReportKind.END], [], [ReportKind.REMINDER], [], [ReportKind.REMINDER],
        ]  # fmt: skip

    def test_counts_a_run_once_however_often_it_is_asked_about_and_by_whom(self, world: World) -> None:
        assert told(world, ran(world, Ended.FAILED, NOON))
        again = ran(world, Ended.FAILED, NOON + HOUR)
        together = Barrier(3)

        def ask() -> None:
            together.wait()
            told(world, again)

        asking = [Thread(target=ask) for _ in range(3)]
        for one in asking:
            one.start()
        for one in asking:
            one.join()
        assert [one.runs for one in world.read(Incident)] == [2]
        assert len(world.read(Report)) == 1

    def test_is_one_when_two_decide_at_once(self, world: World) -> None:
        runs = [ran(world, Ended.FAILED, NOON), ran(world, Ended.FAILED, NOON + HOUR)]
        together, news = Barrier(2), []

        def ask(run: int) -> None:
            together.wait()
            news.append(told(world, run))

        asking = [Thread(target=ask, args=(run,)) for run in runs]
        for one in asking:
            one.start()
        for one in asking:
            one.join()
        assert sorted(map(len, news)) == [0, 1]
        assert [one.runs for one in world.read(Incident)] == [2]

    def test_that_was_not_told_before_it_was_over_is_told_as_over_only(self, world: World) -> None:
        told(world, ran(world, Ended.FAILED, NOON))
        waiting(world, "a message of a step")
        with transaction(world.engine) as session:
            add_message(session, "team", "TEAM_URL", "of a step", "text", "", 1, NOON - timedelta(minutes=1))
        well = ran(world, Ended.SUCCESS, NOON + HOUR)
        with transaction(world.engine) as session:
            supersede(session, session.get_one(ScenarioRun, well), "team")
        told(world, well)
        states = {one.subject: state_of(one) for one in world.read(Report)}
        assert states == {"end": "kept", "a message of a step": "waiting", "of a step": "waiting", "over": "waiting"}


class TestADecision:
    def test_at_the_start_tells_each_run_once(self, world: World) -> None:
        reporters = [Reporter(channel="team", at=ReportAt.START), Reporter(channel="team", at=ReportAt.START), *END]
        run = ran(world, None, NOON)
        assert told(world, run, reporters, ReportAt.START) == [("team", ReportKind.BEGIN, 0)]
        assert told(world, run, reporters, ReportAt.START) == []
        assert told(world, run, reporters) == []  # it goes on

    def test_tells_every_success_where_that_is_asked_for(self, world: World) -> None:
        asked = [Reporter(channel="team", outcome_is=[Ended.SUCCESS, Ended.FAILED])]
        for hours, (outcome, kind) in enumerate(
            [
                (Ended.SUCCESS, ReportKind.END),
                (Ended.SUCCESS, ReportKind.END),
                (Ended.FAILED, ReportKind.END),
                (Ended.SUCCESS, ReportKind.OVER),
                (Ended.SUCCESS, ReportKind.END),
            ]
        ):
            run = ran(world, outcome, NOON + hours * HOUR)
            assert [one for _, one, _ in told(world, run, asked)] == [kind]
            assert told(world, run, asked) == []

    @pytest.mark.parametrize("outcome", [Ended.SUCCESS, Ended.WARNING])
    def test_tells_nothing_that_no_reporter_asks_for(self, world: World, outcome: ScenarioOutcome) -> None:
        assert told(world, ran(world, outcome, NOON), [Reporter(channel="team", outcome_is=[Ended.FAILED])]) == []
        assert told(world, ran(world, Ended.FAILED, NOON + HOUR), []) == []
        assert world.read(Incident) == []

    def test_on_a_backfill_tells_nobody_and_ends_nothing(self, world: World) -> None:
        told(world, ran(world, Ended.FAILED, NOON))
        for hours, outcome in enumerate(Ended, start=1):
            assert told(world, ran(world, outcome, NOON + hours * HOUR, trigger="backfill")) == []
        assert [(one.runs, one.ended_at) for one in world.read(Incident)] == [(1, None)]

    def test_can_be_made_up_for_on_the_last_run_of_each_scenario(self, world: World) -> None:
        ran(world, Ended.FAILED, NOON)
        last = ran(world, Ended.FAILED, NOON + HOUR)
        old = ran(world, Ended.FAILED, NOON - 9 * HOUR, scenario="weekly")
        ran(world, None, NOON, scenario="hourly")
        with Session(world.engine) as session:
            assert latest_ended(session, NOON) == [last]
            assert sorted(latest_ended(session, NOON - 9 * HOUR)) == [last, old]


class TestSending:
    def test_takes_text_to_a_webhook_and_a_page_with_its_text_to_a_mailbox(
        self, world: World, hook: HttpReceiver
    ) -> None:
        with mail_server() as post:
            waiting(world, "Grüße\r\nBcc: eve@test", html="<p>the <b>page</b></p><p>of it</p>")
            waiting(world, "mail", variable="OTHER_URL", html="<p>the <b>page</b> &lt;3</p><p>of it</p>")
            done = send_due(world.engine, going(hook.url, f"{post.url}&to=team@localhost"), now=NOON)
            assert done == Sent(sent=2)
            (message,) = hook.arrived
            assert (message["title"], message["message"]) == ("Grüße Bcc: eve@test", "text of Grüße\r\nBcc: eve@test")
            ((recipient, mail),) = post.arrived
        assert (recipient, mail["Subject"]) == ("team@localhost", "mail")
        plain, page = mail.get_body(("plain",)), mail.get_body(("html",))
        assert plain is not None
        assert page is not None
        assert plain.get_content().split() == ["the", "page", "<3", "of", "it"]
        assert "<b>page</b>" in page.get_content()
        assert {(state_of(one), one.sent_at, one.problem) for one in world.read(Report)} == {("sent", NOON, "")}
        assert send_due(world.engine, going(hook.url), now=NOON) == Sent()

    def test_sends_the_text_where_the_url_asks_for_text(self, world: World) -> None:
        with mail_server() as post:
            waiting(world, "mail", html="<p>page</p>")
            send_due(world.engine, going(f"{post.url}&to=team@localhost&format=text"), now=NOON)
        ((_, mail),) = post.arrived
        assert (mail.get_content_type(), mail.get_content().strip()) == ("text/plain", "text of mail")

    def test_goes_on_until_a_receiver_that_errs_takes_it(self, world: World, hook: HttpReceiver) -> None:
        waiting(world, "one", "two")
        hook.status = 500
        assert send_due(world.engine, going(hook.url), now=NOON) == Sent(failed=1)
        assert hook.asked == 1  # the second one waits until the channel is well
        one, two = sorted(world.read(Report), key=lambda report: report.id)
        assert (one.attempts, one.next_attempt_at) == (1, NOON + DELAYS[0])
        assert "error=500" in one.problem
        assert (two.attempts, two.problem) == (0, "")
        hook.status = 200
        assert send_due(world.engine, going(hook.url), now=NOON + DELAYS[0]) == Sent(sent=2)
        assert sorted(hook.titles) == ["one", "two"]
        assert {(state_of(report), report.problem) for report in world.read(Report)} == {("sent", "")}

    def test_waits_longer_and_longer_and_gives_up_after_three_days(self, world: World) -> None:
        waiting(world, "one")
        now, waits = NOON, []
        while (report := world.read(Report)[0]).next_attempt_at is not None:
            waits.append(report.next_attempt_at - now)
            now = report.next_attempt_at
            send_due(world.engine, going("json://127.0.0.1:1/hook"), now=now)
        assert waits[1 : len(DELAYS) + 1] == list(DELAYS)
        assert set(waits[len(DELAYS) + 1 :]) == {DELAYS[-1]}
        assert NOON + GIVEN_UP_AFTER < now < NOON + GIVEN_UP_AFTER + DELAYS[-1]
        assert state_of(report) == "kept"
        assert report.problem.startswith("given up after 3 days; ")
        assert "Connection refused" in report.problem

    def test_says_that_a_variable_is_not_set_and_leaves_the_report_to_who_has_it(
        self, world: World, hook: HttpReceiver
    ) -> None:
        waiting(world, "one")
        assert send_due(world.engine, going(), now=NOON) == Sent(failed=1)
        one = world.read(Report)[0]
        assert one.problem == "TEAM_URL is not set where it was to be sent"
        assert (one.attempts, one.next_attempt_at) == (0, NOON)
        assert send_due(world.engine, going(hook.url), now=NOON) == Sent(sent=1)

    def test_does_not_hide_what_a_service_said_behind_a_variable_that_is_not_set_elsewhere(self, world: World) -> None:
        waiting(world, "one")
        send_due(world.engine, going("json://127.0.0.1:1/hook"), now=NOON)
        before = world.read(Report)[0]
        assert send_due(world.engine, going(), now=NOON + DELAYS[0]) == Sent(failed=1)
        assert world.read(Report)[0] == before

    def test_gives_up_after_three_days_where_a_variable_is_set_nowhere(self, world: World) -> None:
        waiting(world, "one")
        send_due(world.engine, going(), now=NOON)
        assert send_due(world.engine, going(), now=NOON + GIVEN_UP_AFTER + HOUR) == Sent(kept=1)
        report = world.read(Report)[0]
        assert (state_of(report), report.attempts) == ("kept", 0)
        assert report.problem == "given up after 3 days; TEAM_URL is not set where it was to be sent"

    def test_of_one_channel_is_not_held_up_by_another_that_hangs(self, world: World, hook: HttpReceiver) -> None:
        with http_receiver() as dead:
            dead.hangs = True
            waiting(world, "for nobody", "for nobody either")
            waiting(world, "one", "two", variable="OTHER_URL")
            began = monotonic()
            done = send_due(world.engine, going(dead.url, hook.url), now=NOON, within=0.6)
            assert monotonic() - began < 3
        assert done == Sent(sent=2, failed=1)
        assert sorted(hook.titles) == ["one", "two"]
        problems = {report.problem for report in world.read(Report)}
        assert problems == {"it had not been taken after 0.6 seconds", ""}

    def test_is_done_once_by_several_senders(self, world: World, hook: HttpReceiver) -> None:
        waiting(world, *map(str, range(8)))
        together, came = Barrier(3), []

        def send() -> None:
            together.wait()
            came.append(send_due(world.engine, going(hook.url), now=NOON))

        senders = [Thread(target=send) for _ in range(3)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert sum(one.sent for one in came) == 8
        assert sorted(hook.titles) == list(map(str, range(8)))

    def test_that_died_is_taken_over_when_its_lease_is_over(
        self, world: World, hook: HttpReceiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waiting(world, "one")
        with monkeypatch.context() as patch:
            patch.setattr("governance.reports.sending.deliver", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
            with pytest.raises(SystemExit):
                send_due(world.engine, going(hook.url), now=NOON)
        assert send_due(world.engine, going(hook.url), now=NOON + LEASE - timedelta(seconds=1)) == Sent()
        assert send_due(world.engine, going(hook.url), now=NOON + LEASE) == Sent(sent=1)

    def test_ends_when_it_is_enough_and_the_rest_is_sent_the_next_time(self, world: World, hook: HttpReceiver) -> None:
        waiting(world, "one", "two", "three")
        answers = iter([False, False, True])
        assert send_due(world.engine, going(hook.url), now=NOON, enough=lambda: next(answers)) == Sent(sent=2)
        assert send_due(world.engine, going(hook.url), now=NOON) == Sent(sent=1)
        assert hook.titles == ["one", "two", "three"]


SECRET = "hunter22-S3cret"


@pytest.mark.parametrize(
    "url",
    [
        f"json://ada:{SECRET}@127.0.0.1:1/hook?cto=1",
        f"json://127.0.0.1:1/{SECRET}?+X-Key={SECRET}",
        f"json://127.0.0.1:1/?-key={SECRET}",
        f"mailto://hal:{SECRET}@127.0.0.1:1?from=a@localhost&cto=1",
        f"slack://{SECRET}/B1/nonsense",
        f"tgram://{SECRET}/chat",
        f"{SECRET}://",
        SECRET,
    ],
)
def test_no_secret_of_a_url_gets_into_a_log_a_row_or_a_message(
    world: World, url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    waiting(world, "one")
    with caplog.at_level(logging.DEBUG):
        assert send_due(world.engine, going(url), now=NOON) == Sent(failed=1)
    (report,) = world.read(Report)
    assert report.problem
    everything = [caplog.text, *capfd.readouterr(), str(report.model_dump())]
    assert [text for text in everything if SECRET.lower() in text.lower()] == []


def test_a_secret_does_not_get_out_when_the_service_answers_either(
    hook: HttpReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"json://ada:{SECRET}@127.0.0.1:{hook.port}/{SECRET}"
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("apprise").debug("another says what it likes")
        assert deliver(url, Message("one", "text"), called="TEAM_URL") == ""
        hook.status = 500
        assert "error=500" in deliver(url, Message("one", "text"), called="TEAM_URL")
    assert [record.getMessage() for record in caplog.records] == ["another says what it likes"]
    assert logging.getLogger("apprise").level == logging.NOTSET


def test_a_secret_does_not_get_out_either_when_somebody_else_makes_the_records_now(
    hook: HttpReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    try:
        with caplog.at_level(logging.DEBUG):
            assert deliver(f"{hook.url}/{SECRET}", Message("one", "text"), called="TEAM_URL") == ""
    finally:
        logging.setLogRecordFactory(before)
    assert caplog.text == ""


def test_a_text_that_is_too_long_for_a_service_is_cut_and_not_refused(hook: HttpReceiver) -> None:
    assert deliver(hook.url, Message("one", "x" * 100_000), called="TEAM_URL") == ""
    assert 30_000 < len(hook.arrived[0]["message"]) <= 32_768


def test_reports_are_listed_the_latest_first_by_project_and_state(world: World, hook: HttpReceiver) -> None:
    told(world, ran(world, Ended.FAILED, NOON))
    send_due(world.engine, going(hook.url), now=NOON)
    told(world, ran(world, Ended.ABORTED, NOON + HOUR))
    with transaction(world.engine) as session:
        session.add(ProjectRow(name="other", folder="elsewhere", created_at=NOON))
    with Session(world.engine) as session:
        assert [state_of(row) for row in list_reports(session, "credit")] == ["waiting", "sent"]
        assert [row.run_id for row in list_reports(session, "credit", state="sent")] == [1]
        assert len(list_reports(session, "credit", limit=1)) == 1
        assert list_reports(session, "other") == []
        with pytest.raises(UnusableValue, match="name one of sent, waiting, kept"):
            list_reports(session, "credit", state="lost")
