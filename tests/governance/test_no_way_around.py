"""Anybody tries anything, in any order: nothing goes live without a valid approval of exactly that content.

What must hold is written down here a second time, from the specification and without the product's rules: who has
approved what, with which bytes on disk, until when. The walk in the suite is short; ``python -m
tests.governance.test_no_way_around --steps 100000`` walks on and says how many steps it took.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine, event, text
from sqlmodel import Session, SQLModel, select

from governance import items, people, registry
from governance.audit import SYSTEM, Actor
from governance.database import open_database, transaction
from governance.errors import DriftgateError
from governance.items import item_of
from governance.signoff import Request, delegate, sign
from governance.tables import Activation, EnvironmentRow, ModelVersion, Override, ProjectRow, User
from governance.vocabulary import FeedbackVerdict, Policy, Right, Role, SignOffAction, UserKind
from tests.governance.world import World
from tests.workplace import KEY

ROOT = Actor("root")
RISK = "risk_compliance"
NAMES = ("wes", "rob", "ava", "max", "eve", "bot", "nobody")
"""A writer, a reviewer, an approver, who writes and approves, another approver, a service, and a name without a user."""

ACTORS = st.sampled_from(
    [
        *(Actor(name) for name in (*NAMES, "root")),
        Actor("max", scope=frozenset({Right.READ, Right.WRITE})),
        Actor("ava", scope=frozenset({Right.READ})),
        SYSTEM,
    ]
)
ADMINISTRATORS = st.one_of(st.just(ROOT), ACTORS)
"""Half of the time somebody who may, so that something happens."""

WRITERS = st.one_of(st.sampled_from([Actor("wes"), Actor("max")]), ACTORS)
APPROVERS = st.one_of(st.sampled_from([Actor("ava"), Actor("eve"), Actor("max")]), ACTORS)
ENVIRONMENTS = st.sampled_from(["dev", "test", "prod"])
TRIES: Counter[str] = Counter()
DONE: Counter[str] = Counter()


@dataclass
class Approval:
    """What the specification needs to know of a final approval."""

    author: str
    content: str
    until: datetime | None = None


@dataclass
class Version:
    """One version as this test knows it."""

    row: ModelVersion
    trained_by: str
    recorded: str
    asked: set[str] = field(default_factory=set)
    heard: int = 0
    """How much feedback of this round stands."""

    approval: Approval | None = None
    abandoned: bool = False

    def holds(self, content: str, at: datetime, separated: bool, writers: set[str]) -> bool:
        """Whether there is a valid approval of what is on disk now."""
        approval = self.approval
        if approval is None or self.abandoned or not content == approval.content == self.recorded:
            return False
        involved = {self.trained_by, *self.asked}
        if separated and (approval.author in involved or ("bot" in involved and approval.author in writers)):
            return False
        return approval.until is None or at < approval.until


class Anybody(RuleBasedStateMachine):
    """The world, and what must be true of it."""

    template: Path

    @initialize(separated=st.booleans(), regulated=st.booleans())
    def begin(self, separated: bool, regulated: bool) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="driftgate-walk-"))
        self.world = World(self.connect(), self.folder / "artifacts")
        self.separated, self.regulated = separated or regulated, regulated
        self.versions: list[Version] = []
        self.policies = {"dev": Policy.ALWAYS, "test": Policy.WARN, "prod": Policy.PREVENT}
        self.overrides: dict[int, str] = {}
        self.seen = 0
        roles: dict[str, Any] = {
            "writers": ["wes", "max", "bot"],
            "reviewers": {RISK: ["rob", "bot"]},
            "final_approvers": ["ava", "max", "eve", "bot"],
            "separation_of_duties": separated,
        }
        self.world.register(people=roles)
        with transaction(self.world.engine) as session:
            people.create_administrator(session, "root", password="a long password", actor=SYSTEM, at=self.now())
        for name in NAMES[:-1]:
            kind = UserKind.SERVICE if name == "bot" else UserKind.PERSON
            with transaction(self.world.engine) as session:
                people.create_user(session, name, kind=kind, actor=ROOT, at=self.now())
        if regulated:
            with transaction(self.world.engine) as session:
                items.install_templates(session, self.now())
                project, template = items.find_item(session, "credit"), items.find_template(session, "regulated")
                items.govern(session, project, template, children=True, actor=ROOT, at=self.now())
        self.train("wes")
        self.train("max")

    def connect(self) -> Engine:
        file = self.folder / "walk.db"
        shutil.copy(self.template, file)
        engine = open_database(f"sqlite:///{file}", audit_key=KEY)
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
        return engine

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.engine.dispose()
            shutil.rmtree(self.folder, ignore_errors=True)

    def now(self) -> datetime:
        return self.world.now()

    def content(self, version: Version) -> str:
        """What the version consists of on disk, hashed here."""
        folder = self.world.artifacts / version.row.folder
        return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(folder.iterdir()))).hexdigest()

    def attempt(self, what: str, act: Callable[[Session], Any]) -> Any:
        """One transaction; ``None`` when it was refused. State changes and audit lines go together, one to one."""
        TRIES[what] += 1
        before, lines = self.known
        try:
            with transaction(self.world.engine) as session:
                made = act(session)
        except DriftgateError:
            assert self.look() == (before, lines), f"a refused {what} has left something"
            return None
        self.known = self.look()
        written = self.known[1] - lines
        assert written == (1 if self.known[0] != before else 0), f"{what}: {written} audit lines"
        DONE[what] += 1
        return made

    def look(self) -> tuple[str, int]:
        """Everything in the database besides the audit trail, hashed; and the number of its lines."""
        told = hashlib.sha256()
        with self.world.engine.connect() as connection:
            for table in SQLModel.metadata.sorted_tables:
                if not table.name.startswith("audit_"):
                    told.update(repr(connection.exec_driver_sql(f'SELECT * FROM "{table.name}"').fetchall()).encode())
            return told.hexdigest(), connection.exec_driver_sql("SELECT count(*) FROM audit_event").scalar_one()

    def train(self, name: str) -> None:
        row = self.world.version(trained_by=Actor(name))
        version = Version(row, name, "")
        version.recorded = self.content(version)
        self.versions.append(version)
        self.known = self.look()

    @rule(name=st.sampled_from(["wes", "max", "bot"]))
    def somebody_trains(self, name: str) -> None:
        with Session(self.world.engine) as session:
            active = session.exec(select(User).where(User.name == name)).one().active
            may = active and Role.CONTRIBUTOR in self.roles_of(session, name)
        if may and len(self.versions) < 4:
            self.train(name)

    def roles_of(self, session: Session, name: str) -> set[str]:
        rows = session.connection().execute(text("SELECT role FROM assignment WHERE person = :name"), {"name": name})
        return set(rows.scalars())

    @rule(data=st.data(), action=st.sampled_from(list(SignOffAction)), actor=ACTORS)
    def anybody_signs(self, data: st.DataObject, action: SignOffAction, actor: Actor) -> None:
        self.sign(self.any_version(data), action, actor, reload=data.draw(st.booleans(), label="reload"))

    def sign(self, version: Version, action: SignOffAction, actor: Actor, reload: bool) -> bool:
        """Make one move, and remember what it means; whether it was made."""
        at, content = self.now(), self.content(version)

        def act(session: Session) -> Any:
            request = Request(
                item_of(session, version.row),
                action,
                actor,
                verdict=FeedbackVerdict.APPROVED,
                group=RISK if action is SignOffAction.ADD_FEEDBACK else None,
                reload_configuration=reload,
            )
            return sign(session, request, artifacts=self.world.artifacts, at=at)

        if self.attempt(f"sign-off {action}", act) is None:
            return False
        match action:
            case SignOffAction.REQUEST_FEEDBACK | SignOffAction.REQUEST_APPROVAL:
                version.asked.add(actor.name)
            case SignOffAction.APPROVE | SignOffAction.EDIT_TO_APPROVED:
                assert actor.name != "bot" and (actor.scope is None or Right.APPROVE in actor.scope)
                assert content == version.recorded, "altered content was approved"
                assert version.heard or not self.regulated, "approved before the group that must be heard has spoken"
                until = at + timedelta(days=365) if self.regulated else None
                if action is SignOffAction.EDIT_TO_APPROVED and version.approval is not None:
                    until = version.approval.until
                version.approval = Approval(actor.name, content, until)
            case SignOffAction.ADD_FEEDBACK | SignOffAction.DELETE_FEEDBACK:
                version.heard += 1 if action is SignOffAction.ADD_FEEDBACK else -1
            case SignOffAction.EDIT_TO_REJECTED | SignOffAction.DELETE_APPROVAL | SignOffAction.REJECT:
                version.approval = None
            case SignOffAction.RESET | SignOffAction.RECUR:
                version.approval, version.abandoned, version.heard = None, False, 0
            case SignOffAction.ABANDON:
                version.abandoned = True
            case SignOffAction.CANCEL_ABANDON:
                version.abandoned = False
        return True

    @rule(data=st.data())
    def the_way_is_gone_as_it_should(self, data: st.DataObject) -> None:
        """Random moves rarely approve anything: this goes straight there, as far as the people of now let it."""
        version = self.any_version(data)
        writer, approver = data.draw(st.sampled_from(["wes", "max"])), data.draw(st.sampled_from(["ava", "max", "eve"]))
        moves = [(SignOffAction.REQUEST_APPROVAL, writer), (SignOffAction.APPROVE, approver)]
        if data.draw(st.booleans(), label="with feedback"):
            moves = [(SignOffAction.REQUEST_FEEDBACK, writer), (SignOffAction.ADD_FEEDBACK, "rob"), *moves]
        for action, name in moves:
            if not self.sign(version, action, Actor(name), reload=False):
                return

    @rule(data=st.data(), where=ENVIRONMENTS, actor=WRITERS, confirm=st.booleans())
    def anybody_activates(self, data: st.DataObject, where: str, actor: Actor, confirm: bool) -> None:
        self.activate(self.any_version(data), where, actor, confirm)

    @rule(where=ENVIRONMENTS, actor=WRITERS, confirm=st.booleans())
    def anybody_rolls_back(self, where: str, actor: Actor, confirm: bool) -> None:
        self.roll_back(where, actor, confirm)

    @rule(where=ENVIRONMENTS, name=st.sampled_from(["wes", "max", "root"]))
    def a_writer_goes_on_and_back(self, where: str, name: str) -> None:
        """As far as the gate lets each of it."""
        for version in self.versions[:2]:
            self.activate(version, where, Actor(name), confirm=True)
        self.roll_back(where, Actor(name), confirm=True)

    def activate(self, version: Version, where: str, actor: Actor, confirm: bool) -> None:
        at = self.now()

        def act(session: Session) -> Activation:
            place = registry.find_environment(session, "credit", where)
            return registry.activate(
                session, version.row, place, artifacts=self.world.artifacts, actor=actor, at=at, confirm=confirm
            )

        self.attempt("activate", act)

    def roll_back(self, where: str, actor: Actor, confirm: bool) -> None:
        at = self.now()

        def act(session: Session) -> Activation:
            place = registry.find_environment(session, "credit", where)
            model = registry.find_model(session, "credit", "fraud")
            return registry.roll_back(
                session, model, place, artifacts=self.world.artifacts, actor=actor, at=at, confirm=confirm
            )

        self.attempt("roll back", act)

    @rule(data=st.data(), where=ENVIRONMENTS, actor=WRITERS)
    def anybody_asks_for_an_override(self, data: st.DataObject, where: str, actor: Actor) -> None:
        version = self.any_version(data)
        at = self.now()

        def act(session: Session) -> Override:
            place = registry.find_environment(session, "credit", where)
            store = self.world.artifacts
            return registry.request_override(
                session, version.row, place, reason="it burns", artifacts=store, actor=actor, at=at
            )

        made = self.attempt("request override", act)
        if made is not None:
            self.overrides[made.id] = actor.name

    @rule(data=st.data(), actor=APPROVERS)
    def anybody_confirms_an_override(self, data: st.DataObject, actor: Actor) -> None:
        if not self.overrides:
            return
        number = data.draw(st.sampled_from(sorted(self.overrides)))
        at = self.now()

        def act(session: Session) -> Activation:
            override = registry.find_override(session, number)
            return registry.confirm_override(session, override, artifacts=self.world.artifacts, actor=actor, at=at)

        self.attempt("confirm override", act)

    @rule(where=ENVIRONMENTS, policy=st.sampled_from(list(Policy)), actor=ADMINISTRATORS)
    def anybody_changes_a_policy(self, where: str, policy: Policy, actor: Actor) -> None:
        at = self.now()

        def act(session: Session) -> EnvironmentRow:
            return registry.set_policy(
                session, registry.find_environment(session, "credit", where), policy, actor=actor, at=at
            )

        if self.attempt("change policy", act) is not None:
            assert actor.name == "root" or actor.origin is SYSTEM.origin
            self.policies[where] = policy

    @rule(
        actor=ADMINISTRATORS,
        name=st.sampled_from(NAMES),
        role=st.sampled_from([Role.CONTRIBUTOR, Role.APPROVER, Role.REVIEWER]),
        give=st.booleans(),
    )
    def anybody_gives_or_takes_a_role(self, actor: Actor, name: str, role: Role, give: bool) -> None:
        at = self.now()
        group = RISK if role is Role.REVIEWER else ""

        def act(session: Session) -> Any:
            project = session.exec(select(ProjectRow)).one().id
            change = people.assign_role if give else people.take_role_away
            change(session, name, role, project_id=project, group=group, actor=actor, at=at)
            return True

        if self.attempt("give role" if give else "take role away", act):
            assert actor.name == "root" or actor.origin is SYSTEM.origin
            assert not (give and name == "nobody")
            assert not (give and name == "bot" and role is not Role.CONTRIBUTOR)

    @rule(actor=ADMINISTRATORS, name=st.sampled_from(NAMES[:-1]), active=st.booleans())
    def anybody_closes_or_opens_an_account(self, actor: Actor, name: str, active: bool) -> None:
        at = self.now()

        def act(session: Session) -> Any:
            change = people.reactivate_user if active else people.deactivate_user
            change(session, people.find_user(session, name), actor=actor, at=at)
            return True

        self.attempt("reactivate" if active else "deactivate", act)

    @rule(data=st.data(), actor=WRITERS, to=st.sampled_from(NAMES), whose=st.sampled_from(["ava", "max", "eve"]))
    def anybody_delegates(self, data: st.DataObject, actor: Actor, to: str, whose: str) -> None:
        version = self.any_version(data)
        at = self.now()
        self.attempt(
            "delegate",
            lambda session: delegate(
                session,
                item_of(session, version.row),
                role=Role.APPROVER,
                group="",
                to=to,
                person=whose,
                actor=actor,
                at=at,
            ),
        )

    @rule(
        data=st.data(),
        actor=ACTORS,
        act=st.sampled_from(["govern", "move", "hide", "unhide"]),
        name=st.sampled_from(["standard", "regulated"]),
    )
    def anybody_but_an_administrator_governs(self, data: st.DataObject, actor: Actor, act: str, name: str) -> None:
        """Whatever they do, the rules that an administrator has laid down stay."""
        if not self.regulated or actor.name == "root" or actor is SYSTEM:
            return
        paths = ["credit", "credit/fraud", *(f"credit/fraud/{version.row.number}" for version in self.versions)]
        path, at = data.draw(st.sampled_from(paths), label="path"), self.now()

        def change(session: Session) -> Any:
            item = items.find_item(session, path)
            if act in {"hide", "unhide"}:
                return getattr(items, act)(session, item, actor=actor, at=at)
            template = items.find_template(session, name)
            return getattr(items, act)(session, item, template, children=False, actor=actor, at=at)

        self.attempt(act, change)

    @rule()
    def a_year_passes(self) -> None:
        self.world.acts += 366 * 24 * 60

    @rule(data=st.data())
    def the_disk_changes(self, data: st.DataObject) -> None:
        version = self.any_version(data)
        file = self.world.artifacts / version.row.folder / "model.skops"
        original = f"model.skops of {version.row.folder}"
        file.write_text(original if file.read_text() != original else "other bytes")

    @rule(data=st.data(), name=st.sampled_from(["manifest_digest", "trained_by"]))
    def somebody_writes_past_the_services(self, data: st.DataObject, name: str) -> None:
        version = self.any_version(data)
        for statement in (
            f"UPDATE model_version SET {name} = 'x' WHERE id = {version.row.id}",
            "DELETE FROM audit_event",
            "UPDATE activation SET decision = 'ALLOWED'",
            "INSERT INTO active_version (model_id, environment_id, version_id, activation_id, revision) "
            f"SELECT 1, 3, {version.row.id}, coalesce(max(id), 1), 1 FROM activation",
        ):
            TRIES["past the services"] += 1
            with (
                pytest.raises(Exception, match=r"(?i)never|only an activation|constraint"),
                self.world.engine.begin() as it,
            ):
                if it.execute(text(statement)).rowcount == 0:
                    raise AssertionError("constraint: nothing to change")
            assert self.look() == self.known

    def any_version(self, data: st.DataObject) -> Version:
        return data.draw(st.sampled_from(self.versions), label="version")

    @invariant()
    def whatever_went_live_was_allowed_to(self) -> None:
        if not hasattr(self, "world"):
            return
        with Session(self.world.engine) as session:
            made = session.exec(select(Activation).where(Activation.id > self.seen).order_by(Activation.id)).all()
            for activation in made:
                self.seen = activation.id
                where = session.get_one(EnvironmentRow, activation.environment_id).name
                version = next(v for v in self.versions if v.row.id == activation.version_id)
                content = self.content(version)
                assert content == version.recorded, "altered content went live"
                assert activation.activated_by != "nobody"
                writers = {name for name in NAMES if Role.CONTRIBUTOR in self.roles_of(session, name)}
                if version.holds(content, activation.activated_at, self.separated, writers):
                    continue
                policy = self.policies[where]
                if activation.override_id is not None:
                    override = session.get_one(Override, activation.override_id)
                    assert override.requested_by != override.confirmed_by == activation.activated_by
                    assert self.overrides[override.id] == override.requested_by
                    assert activation.activated_by not in {"nobody", "bot"}
                    continue
                assert policy is not Policy.PREVENT, f"went live in {where} without a valid approval"
                assert policy is Policy.ALWAYS or activation.confirmed


def walk(template: Path, examples: int, steps: int, *, same_again: bool) -> None:
    """Walk so many times so many steps: the same as the last time, or others."""
    machine = type("AnybodyHere", (Anybody,), {"template": template})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=same_again,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_nobody_brings_anything_live_past_the_rules(sqlite_template: Path) -> None:
    TRIES.clear()
    DONE.clear()
    walk(sqlite_template, examples=15, steps=60, same_again=True)
    assert sum(TRIES.values()) > 700
    for what in ("sign-off approve", "activate", "roll back", "confirm override", "change policy", "give role"):
        assert DONE[what] > 0, f"{what} never succeeded, so nothing was shown"


def main() -> None:
    """Walk until so many steps are done, and report them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    wanted = parser.parse_args().steps
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.db"
        open_database(f"sqlite:///{template}", audit_key=KEY).dispose()
        while (done := sum(TRIES.values())) < wanted:
            print(f"{done:,} of {wanted:,} attempts", file=sys.stderr)  # noqa: T201
            walk(template, examples=20, steps=100, same_again=False)
    print(f"{sum(TRIES.values()):,} attempts, {sum(DONE.values()):,} carried out")  # noqa: T201
    for what, number in sorted(TRIES.items()):
        print(f"  {what:28} {number:8,} tried {DONE[what]:8,} done")  # noqa: T201


if __name__ == "__main__":
    main()
