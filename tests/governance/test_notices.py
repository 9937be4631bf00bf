"""What people have to be told is written down with the act, and sent afterwards until it arrives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from threading import Barrier, Thread
from time import monotonic

import pytest
from sqlmodel import Session

from governance.audit import Actor
from governance.database import transaction
from governance.errors import ActRefused, NotAllowed, SignOffRefused, UnusableValue
from governance.items import item_of
from governance.notices import Sent, list_notices, send_due, state_of, tell
from governance.notices.claiming import DELAYS, GIVEN_UP_AFTER
from governance.notices.delivery import without_secrets
from governance.notices.mailing import addressed, send_mail
from governance.notices.sending import BATCH, LEASE
from governance.signoff import subscribe, subscribers_of, unsubscribe
from governance.tables import ModelVersion, Notice
from governance.vocabulary import FeedbackVerdict, Right, SignOffAction, SignOffStatus
from tests.governance.installation import close, deactivate, take_away
from tests.governance.mail_server import MailServer, mail_server
from tests.governance.world import FINN, NOON, OTTO, ROSA, WILL, World

A = SignOffAction


@pytest.fixture
def post(world: World) -> Iterator[MailServer]:
    """A mail server, and users with addresses."""
    close(world)
    with mail_server() as server:
        yield server


def told(world: World, *names: str, subject: str = "look", body: str = "please") -> None:
    with transaction(world.engine) as session:
        tell(session, names, subject=subject, body=body, at=NOON)


def listen(world: World, version: ModelVersion, person: str, *, actor: Actor | None = None, stop: bool = False) -> None:
    with transaction(world.engine) as session:
        act = unsubscribe if stop else subscribe
        act(session, item_of(session, version), person, actor=actor or Actor(person), at=world.now())


class TestAMove:
    def test_tells_those_who_are_named_and_nobody_else(self, world: World) -> None:
        version = world.version()
        world.sign(version, A.REQUEST_FEEDBACK, WILL, notify=("rosa", "ines"), comment="look at Visa")
        notices = world.read(Notice)
        assert [notice.recipient for notice in notices] == ["rosa", "ines"]
        assert notices[0].subject == "credit/fraud/1: request feedback by will, now WAITING_FOR_FEEDBACK"
        assert "look at Visa" in notices[0].body

    def test_may_tell_nobody(self, world: World) -> None:
        world.sign(world.version(), A.REQUEST_FEEDBACK, WILL)
        assert world.read(Notice) == []

    def test_tells_nobody_who_is_unknown_where_people_are_known(self, world: World) -> None:
        close(world)
        deactivate(world, "ines")
        version = world.version()
        with pytest.raises(
            SignOffRefused, match=r"ross, who is to be told, is no active user.*ines, who is to be told"
        ):
            world.sign(version, A.REQUEST_FEEDBACK, WILL, notify=("rosa", "ross", "ines"))
        assert world.read(Notice) == []

    def test_tells_subscribers_of_every_change_of_status_but_not_of_their_own_nor_of_feedback(
        self, world: World
    ) -> None:
        version = world.version()
        for person in ("otto", "will"):
            listen(world, version, person)
        world.sign(version, A.REQUEST_FEEDBACK, WILL, notify=("otto",))
        world.sign(version, A.ADD_FEEDBACK, ROSA, verdict=FeedbackVerdict.APPROVED)
        world.sign(version, A.ABANDON, FINN)
        assert [(notice.recipient, notice.subject.rpartition(" ")[2]) for notice in world.read(Notice)] == [
            ("otto", "WAITING_FOR_FEEDBACK"), ("otto", "ABANDONED"), ("will", "ABANDONED"),
        ]  # fmt: skip

    def test_that_is_undone_tells_nobody(self, world: World) -> None:
        version = world.version()
        with pytest.raises(RuntimeError), transaction(world.engine) as session:
            tell(session, ["rosa"], subject="never", body="", at=NOON)
            raise RuntimeError
        with pytest.raises(SignOffRefused):
            world.sign(version, A.REQUEST_FEEDBACK, OTTO, notify=("rosa",))
        assert world.read(Notice) == []

    def test_is_not_held_up_by_a_mail_server_that_hangs(self, world: World, post: MailServer) -> None:
        post.hangs = True
        version = world.version()
        began = monotonic()
        world.sign(version, A.REQUEST_FEEDBACK, WILL, notify=("rosa",))
        sender = Thread(target=send_due, args=(world.engine, f"{post.url}&cto=1"), kwargs={"now": world.now()})
        sender.start()
        world.sign(version, A.REQUEST_APPROVAL, WILL, notify=("finn",))
        assert world.sign(version, A.APPROVE, FINN).status is SignOffStatus.APPROVED
        assert monotonic() - began < 1 or not sender.is_alive()
        sender.join()
        first, _ = sorted(world.read(Notice), key=lambda notice: notice.id)
        assert (state_of(first), first.attempts) == ("waiting", 1)
        assert "timed out" in first.problem or "Connection" in first.problem

    def test_tells_nobody_who_may_not_read_the_project(self, world: World) -> None:
        close(world)
        version = world.version()
        take_away(world, "otto")
        with pytest.raises(SignOffRefused, match="otto, who is to be told, is no active user who may read the project"):
            world.sign(version, A.REQUEST_FEEDBACK, WILL, notify=("rosa", "otto"))
        assert world.read(Notice) == []
        world.sign(version, A.REQUEST_FEEDBACK, WILL, notify=("rosa",))
        assert [notice.recipient for notice in world.read(Notice)] == ["rosa"]


class TestASubscription:
    def test_is_written_down_once_when_it_begins_and_once_when_it_ends(self, world: World) -> None:
        version = world.version()
        before = len(world.trail())
        for _ in range(2):
            listen(world, version, "otto")
        for _ in range(2):
            listen(world, version, "otto", stop=True)
        assert [tag for tag, _ in world.trail()[before:]] == ["subscription:begun", "subscription:ended"]

    def test_is_a_reader_s_own_and_a_contributor_s_for_others(self, world: World) -> None:
        close(world)
        version = world.version()
        listen(world, version, "otto")
        listen(world, version, "finn", actor=WILL)
        with pytest.raises(NotAllowed):
            listen(world, version, "rosa", actor=OTTO)
        with pytest.raises(NotAllowed):
            listen(world, version, "otto", actor=ROSA, stop=True)
        take_away(world, "otto")
        with pytest.raises(NotAllowed):
            listen(world, version, "otto")
        with pytest.raises(ActRefused, match="ghost is no active user who may read the project"):
            listen(world, version, "ghost", actor=WILL)

    @pytest.mark.parametrize("stop", [False, True])
    def test_neither_begins_nor_ends_by_a_token_to_read(self, world: World, stop: bool) -> None:
        close(world)
        version = world.version()
        if stop:
            listen(world, version, "otto")
        before = len(world.trail())
        with pytest.raises(NotAllowed, match="the token is only for read"):
            listen(world, version, "otto", actor=Actor("otto", scope=frozenset({Right.READ})), stop=stop)
        assert len(world.trail()) == before
        with Session(world.engine) as session:
            assert subscribers_of(session, item_of(session, version)) == (["otto"] if stop else [])

    def test_tells_nothing_to_who_may_not_read_any_more(self, world: World) -> None:
        close(world)
        version = world.version()
        for person in ("otto", "rosa"):
            listen(world, version, person)
        take_away(world, "otto")
        deactivate(world, "rosa")
        with Session(world.engine) as session:
            assert subscribers_of(session, item_of(session, version)) == []
        world.sign(version, A.REQUEST_FEEDBACK, WILL)
        assert world.read(Notice) == []


class TestSending:
    def test_takes_each_notice_to_the_address_of_its_recipient(self, world: World, post: MailServer) -> None:
        told(world, "rosa", "finn", subject="credit/fraud/1: approve\r\nBcc: eve@test", body="Grüße <b>&amp;\n.\nend")
        assert send_due(world.engine, post.url, now=NOON) == Sent(sent=2)
        assert sorted(recipient for recipient, _ in post.arrived) == ["finn@mail.test", "rosa@mail.test"]
        message = post.arrived[0][1]
        assert message["Subject"] == "credit/fraud/1: approve Bcc: eve@test"
        assert message["Bcc"] is None
        text = message.get_body(("plain",)).get_content() if message.is_multipart() else message.get_content()
        assert text.split() == ["Grüße", "<b>&amp;", ".", "end"]
        assert {(state_of(notice), notice.sent_at) for notice in world.read(Notice)} == {("sent", NOON)}
        assert send_due(world.engine, post.url, now=NOON) == Sent()
        assert len(post.arrived) == 2

    def test_without_a_mail_server_leaves_everything_on_record(self, world: World) -> None:
        told(world, "rosa")
        assert send_due(world.engine, None, now=NOON) == Sent()
        assert [state_of(notice) for notice in world.read(Notice)] == ["waiting"]

    def test_is_tried_again_later_and_later_until_it_arrives(self, world: World, post: MailServer) -> None:
        told(world, "rosa")
        post.refuses.add("everybody")
        assert send_due(world.engine, post.url, now=NOON) == Sent(failed=1)
        (notice,) = world.read(Notice)
        assert (notice.attempts, notice.next_attempt_at) == (1, NOON + timedelta(minutes=1))
        assert "no such mailbox" in notice.problem
        post.refuses.clear()
        assert send_due(world.engine, post.url, now=NOON + timedelta(seconds=59)) == Sent()
        assert send_due(world.engine, post.url, now=NOON + timedelta(minutes=1)) == Sent(sent=1)
        (notice,) = world.read(Notice)
        assert (state_of(notice), notice.problem, notice.attempts) == ("sent", "", 2)
        assert [recipient for recipient, _ in post.arrived] == ["rosa@mail.test"]

    def test_is_given_up_after_seven_attempts_with_the_problem_kept(self, world: World, post: MailServer) -> None:
        told(world, "rosa")
        post.refuses.add("everybody")
        now, waited = NOON, []
        while (notice := world.read(Notice)[0]).next_attempt_at is not None:
            waited.append(notice.next_attempt_at - now)
            now = notice.next_attempt_at
            send_due(world.engine, post.url, now=now)
        assert waited == [timedelta(0), *DELAYS]
        assert waited[1:] == [timedelta(minutes=m) for m in (1, 5, 30, 120, 360, 720)]
        assert (state_of(notice), notice.attempts) == ("kept", 7)
        assert "no such mailbox" in notice.problem

    def test_of_one_is_not_held_up_by_another_whose_address_is_bad(self, world: World, post: MailServer) -> None:
        told(world, "rosa", "ines", "finn")
        post.refuses.add("ines@mail.test")
        assert send_due(world.engine, post.url, now=NOON) == Sent(sent=2, failed=1)
        assert sorted(recipient for recipient, _ in post.arrived) == ["finn@mail.test", "rosa@mail.test"]

    @pytest.mark.parametrize("who", ["without an address", "deactivated", "nobody"])
    def test_is_not_tried_to_who_has_no_address(self, world: World, post: MailServer, who: str) -> None:
        told(world, {"without an address": "bot", "deactivated": "rosa", "nobody": "ghost"}[who])
        deactivate(world, "rosa")
        assert send_due(world.engine, post.url, now=NOON) == Sent(kept=1)
        assert state_of(world.read(Notice)[0]) == "kept"
        assert post.arrived == []

    @pytest.mark.parametrize("address", ["rosa", "a@test,b@test", "a@test\r\nBcc: b@test", "A <a@test>", "a@b@test"])
    def test_goes_to_one_address_only(self, world: World, post: MailServer, address: str) -> None:
        from governance.tables import User

        with transaction(world.engine) as session:
            session.add(User(name="odd", email=address, created_at=NOON))
        told(world, "odd")
        assert send_due(world.engine, post.url, now=NOON) == Sent(failed=1)
        assert "is no e-mail address" in world.read(Notice)[0].problem
        assert post.arrived == []

    def test_of_old_news_is_not_begun(self, world: World, post: MailServer) -> None:
        told(world, "rosa")
        assert send_due(world.engine, post.url, now=NOON + GIVEN_UP_AFTER + timedelta(seconds=1)) == Sent(kept=1)
        assert post.arrived == []

    def test_goes_on_in_the_next_batch(self, world: World, post: MailServer) -> None:
        for number in range(BATCH + 2):
            told(world, "rosa", subject=str(number))
        assert send_due(world.engine, post.url, now=NOON) == Sent(sent=BATCH)
        assert send_due(world.engine, post.url, now=NOON) == Sent(sent=2)

    def test_is_done_once_by_several_senders(self, world: World, post: MailServer) -> None:
        for number in range(10):
            told(world, "rosa", subject=str(number))
        together, came = Barrier(3), []

        def send() -> None:
            together.wait()
            came.append(send_due(world.engine, post.url, now=NOON))

        senders = [Thread(target=send) for _ in range(3)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert sum(one.sent for one in came) == 10
        assert sorted(int(message["Subject"]) for _, message in post.arrived) == list(range(10))

    def test_ends_when_it_is_enough_and_the_rest_is_sent_the_next_time(self, world: World, post: MailServer) -> None:
        for number in range(3):
            told(world, "rosa", subject=str(number))
        answers = iter([False, False, True])
        assert send_due(world.engine, post.url, now=NOON, enough=lambda: next(answers)) == Sent(sent=2)
        assert sorted(notice.attempts for notice in world.read(Notice)) == [0, 1, 1]
        assert send_due(world.engine, post.url, now=NOON) == Sent(sent=1)

    def test_has_a_deadline_for_a_server_that_always_says_a_little_more(self, post: MailServer) -> None:
        post.drips = True
        problem = send_mail(post.url, "rosa@localhost", "look", "please", within=0.5)
        assert problem == "it had not been taken after 0.5 seconds"

    def test_that_died_is_taken_over_when_its_time_is_over(
        self, world: World, post: MailServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from governance.notices import sending

        told(world, "rosa")
        with monkeypatch.context() as patch:
            patch.setattr(sending, "send_mail", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                send_due(world.engine, post.url, now=NOON)
        assert send_due(world.engine, post.url, now=NOON + LEASE - timedelta(seconds=1)) == Sent()
        assert send_due(world.engine, post.url, now=NOON + LEASE) == Sent(sent=1)

    @pytest.mark.parametrize(
        "url", ["nonsense", "mailto://", "json://127.0.0.1:1/", "mailto://hal:s%40cret99@127.0.0.1:1?from=a@b"]
    )
    def test_with_a_url_that_does_not_work_says_so_without_its_secrets(self, world: World, url: str, caplog) -> None:
        close(world)
        told(world, "rosa")
        assert send_due(world.engine, url, now=NOON) == Sent(failed=1)
        problem = world.read(Notice)[0].problem
        assert problem
        for secret in ("s@cret99", "s%40cret99"):
            assert secret not in problem
            assert secret not in caplog.text


def test_a_problem_holds_no_secret_of_the_url_however_it_is_spelled() -> None:
    url = "mailtos://hal:p%40ss@mail.test/keykeykey?from=x@test&smtp=relay.mail.test"
    said = "hal p@ss p%40ss keykeykey 535 refused"
    assert without_secrets(said, url) == "**** **** **** **** 535 refused"


def test_the_recipient_is_one_value_of_the_address_and_nothing_more() -> None:
    assert addressed("mailto://h?to=x", "a&cc=eve@test") == "mailto://h?to=a%26cc%3Deve%40test&format=text"


def test_notices_are_listed_the_latest_first_by_recipient_and_by_state(world: World, post: MailServer) -> None:
    told(world, "rosa", "bot", subject="first")
    send_due(world.engine, post.url, now=NOON)
    told(world, "rosa", subject="second")
    with Session(world.engine) as session:
        assert [row.subject for row in list_notices(session, recipient="rosa").rows] == ["second", "first"]
        for state, expected in (("sent", ["rosa"]), ("kept", ["bot"]), ("waiting", ["rosa"])):
            rows = list_notices(session, filters={"state": state}).rows
            assert [row.recipient for row in rows] == expected
            assert {state_of(row) for row in rows} == {state}
        page = list_notices(session, limit=2)
        assert [row.id for row in page.rows] == [3, 2]
        assert [row.id for row in list_notices(session, limit=2, after=page.next).rows] == [1]
        with pytest.raises(UnusableValue, match="name one of sent, waiting, kept"):
            list_notices(session, filters={"state": "lost"})
