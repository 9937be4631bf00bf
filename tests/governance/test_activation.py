"""A version becomes active through the gate, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from governance import gate
from governance.audit import Tag
from governance.database import transaction
from governance.errors import ActivationRefused, ChangedMeanwhile, ConfirmationNeeded, NotFound
from governance.registry import activating, active_versions, find_version, note_refusal, roll_back
from governance.tables import Activation, ActiveVersion, AuditEvent, FinalApproval
from governance.vocabulary import GateDecision, SignOffAction, SignOffStatus
from tests.governance.tampering import tamper
from tests.governance.world import FINN, WILL, World, declaration


def active(world: World) -> dict[str, int]:
    with transaction(world.engine) as session:
        return active_versions(session, world.model())


def rolled_back(world: World, to: int | None = None) -> Activation:
    with transaction(world.engine) as session:
        where = world.environment("dev")
        return roll_back(session, world.model(), where, artifacts=world.artifacts, actor=FINN, at=world.now(), to=to)


def test_an_approved_version_becomes_active_in_production(world: World) -> None:
    version = world.approved_version()
    activation = world.activate(version)
    assert active(world) == {"prod": 1}
    assert (activation.decision, activation.confirmed, activation.reasons) == (GateDecision.ALLOWED, False, [])
    assert world.trail()[-1] == (Tag.VERSION_ACTIVATED, "finn")
    event = world.read(AuditEvent)[-1]
    assert event.subject == "credit/fraud/1"
    assert event.before == {"environment": "prod", "version": None, "revision": 0}
    assert event.after["revision"] == 1
    assert event.after["content_digest"] == version.manifest_digest


def test_one_activation_writes_one_audit_line(world: World) -> None:
    version = world.approved_version()
    before = len(world.trail())
    world.activate(version)
    assert len(world.trail()) == before + 1


def test_production_refuses_what_nobody_approved_and_nothing_is_written(world: World) -> None:
    version = world.version()
    before = world.trail()
    with pytest.raises(ActivationRefused, match="NOT_STARTED, not APPROVED"):
        world.activate(version)
    assert active(world) == {}
    assert world.read(Activation) == []
    assert world.trail() == before


def test_a_refusal_can_be_written_down_in_its_own_transaction(world: World) -> None:
    version = world.version()
    with pytest.raises(ActivationRefused) as refusal:
        world.activate(version)
    with transaction(world.engine) as session:
        note_refusal(session, refusal.value, environment="prod", actor=FINN, at=world.now())
    event = world.read(AuditEvent)[-1]
    assert event.tag == Tag.VERSION_ACTIVATION_REFUSED
    assert event.after["environment"] == "prod"
    assert "not APPROVED" in event.after["sentence"]
    with transaction(world.engine) as session:
        note_refusal(session, refusal.value, environment="prod", actor=FINN, at=world.now(), bundle="credit/bundle-1")
    event = world.read(AuditEvent)[-1]
    assert (event.tag, event.subject) == (Tag.BUNDLE_ACTIVATION_REFUSED, "credit/bundle-1")
    assert "credit/fraud/1 may not become active" in event.after["sentence"]


def test_where_the_gate_warns_a_confirmation_is_needed_and_recorded(world: World) -> None:
    version = world.version()
    with pytest.raises(ConfirmationNeeded, match="confirm it, which is recorded"):
        world.activate(version, "test")
    activation = world.activate(version, "test", confirm=True)
    assert (activation.decision, activation.confirmed) == (GateDecision.CONFIRMATION_NEEDED, True)
    assert world.read(AuditEvent)[-1].after["confirmed"] is True


def test_a_confirmation_that_nobody_asked_for_is_not_recorded_as_one(world: World) -> None:
    assert world.activate(world.approved_version(), "test", confirm=True).confirmed is False


@pytest.mark.parametrize("environment", ["dev", "test", "prod"])
@pytest.mark.parametrize("file", ["model.skops", "reference.parquet", "report.json"])
def test_an_altered_file_is_refused_under_every_policy(world: World, environment: str, file: str) -> None:
    version = world.approved_version()
    (world.artifacts / version.folder / file).write_text("other bytes")
    with pytest.raises(ActivationRefused, match=f"{file} is not what was recorded"):
        world.activate(version, environment, confirm=True)
    assert active(world) == {}


def test_a_missing_file_is_refused_under_every_policy(world: World) -> None:
    version = world.approved_version()
    (world.artifacts / version.folder / "reference.parquet").unlink()
    with pytest.raises(ActivationRefused, match=r"reference.parquet is not what was recorded .*found no file"):
        world.activate(version, "dev")


@pytest.mark.parametrize(
    ("column", "value", "part"),
    [
        ("manifest", '{"files": {}}', "the manifest is not what was recorded"),
        ("metrics", "[]", "the metrics of the version are not those of its manifest"),
        ("diagnostics", "[]", "the diagnostics of the version are not those of its manifest"),
        ("manifest_digest", "0" * 64, "the manifest is not what was recorded"),
    ],
)
def test_an_altered_row_is_refused_under_every_policy(world: World, column: str, value: str, part: str) -> None:
    version = world.approved_version()
    tamper(world.engine, f"UPDATE model_version SET {column} = :value", value=value)
    for environment in ("dev", "test", "prod"):
        with pytest.raises(ActivationRefused, match=part):
            world.activate(version, environment, confirm=True)


def test_an_approval_of_other_content_is_stale_under_every_policy(world: World) -> None:
    version = world.approved_version()
    tamper(world.engine, "UPDATE final_approval SET content_digest = :digest", digest="f" * 64)
    for environment in ("dev", "test", "prod"):
        with pytest.raises(ActivationRefused, match="the approval is for other content"):
            world.activate(version, environment, confirm=True)


def test_an_approval_counts_under_the_rules_that_hold_when_it_is_read(world: World) -> None:
    version = world.version(trained_by=FINN)
    world.sign(version, SignOffAction.REQUEST_APPROVAL, WILL)
    world.sign(version, SignOffAction.APPROVE, FINN)
    people = declaration().people.model_dump() | {"separation_of_duties": True}
    world.register(people=people)
    with pytest.raises(ActivationRefused, match="finn trained the version, and duties are separated"):
        world.activate(version)


def test_a_version_of_another_project_is_impossible_here(world: World) -> None:
    world.register(project="debit")
    foreign = world.version(project="debit")
    with pytest.raises(ActivationRefused, match="another project"):
        world.activate(foreign, "dev")
    assert world.read(ActiveVersion) == []


def test_a_refusal_by_the_database_is_not_said_to_be_a_lost_race(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.register(project="debit")
    foreign = world.version(project="debit")
    blind = gate.Verdict(GateDecision.ALLOWED)
    monkeypatch.setattr(gate, "inspect", lambda *_, **__: blind)
    with pytest.raises(IntegrityError, match="only an activation that the gate let through"):
        world.activate(foreign, "dev")
    assert world.read(Activation) == world.read(ActiveVersion) == []


def test_whoever_looked_at_an_older_state_is_refused(world: World) -> None:
    first, second = world.version(), world.version()
    world.activate(first, "dev", expected_revision=0)
    with pytest.raises(ChangedMeanwhile, match="expected activation number 0 in 'dev', found number 1"):
        world.activate(second, "dev", expected_revision=0)
    world.activate(second, "dev", expected_revision=1)
    assert active(world) == {"dev": 2}


def test_a_first_activation_that_finds_the_place_taken_only_on_writing_has_lost_a_race(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = world.version(), world.version()
    world.activate(first, "dev")
    before, look, looks = world.trail(), activating._active, iter([True])
    monkeypatch.setattr(activating, "_active", lambda *place: None if next(looks, False) else look(*place))
    with pytest.raises(ChangedMeanwhile, match="expected activation number 0 in 'dev', found number 1"):
        world.activate(second, "dev")
    assert active(world) == {"dev": 1}
    assert len(world.read(Activation)) == 1
    assert world.trail() == before


def test_activating_what_is_active_writes_nothing(world: World) -> None:
    version = world.version()
    first = world.activate(version, "dev")
    before = world.trail()
    assert world.activate(version, "dev").id == first.id
    assert world.trail() == before


def test_going_back_twice_goes_back_two_versions(world: World) -> None:
    for _ in range(3):
        world.activate(world.version(), "dev")
    rolled_back(world)
    assert active(world) == {"dev": 2}
    rolled_back(world)
    assert active(world) == {"dev": 1}
    assert [tag for tag, _ in world.trail()][-2:] == [Tag.VERSION_ROLLED_BACK] * 2
    with pytest.raises(NotFound, match="earlier version of model 'fraud'"):
        rolled_back(world)


def test_going_back_to_a_version_by_its_number(world: World) -> None:
    for _ in range(3):
        world.activate(world.version(), "dev")
    rolled_back(world, to=1)
    assert active(world) == {"dev": 1}


def test_going_back_to_a_version_that_was_never_active_there_names_those_that_were(world: World) -> None:
    world.activate(world.version(), "dev")
    world.version()
    world.activate(world.version(), "dev")
    with pytest.raises(NotFound, match=r"'2' \(known: 1\)"):
        rolled_back(world, to=2)


def test_going_back_passes_the_same_gate(world: World) -> None:
    first, second = world.approved_version(), world.approved_version()
    world.activate(first)
    world.activate(second)
    world.sign(first, SignOffAction.ABANDON, WILL)
    with transaction(world.engine) as session, pytest.raises(ActivationRefused, match="ABANDONED, not APPROVED"):
        prod = world.environment("prod")
        roll_back(session, world.model(), prod, artifacts=world.artifacts, actor=FINN, at=world.now())
    assert active(world) == {"prod": 2}


def test_the_words_for_versions(world: World) -> None:
    with transaction(world.engine) as session, pytest.raises(NotFound, match="driftgate train"):
        find_version(session, world.model(), "latest")
    for _ in range(2):
        world.version()
    model, dev = world.model(), world.environment("dev")
    with transaction(world.engine) as session, pytest.raises(NotFound, match="or name another version"):
        find_version(session, model, "active", dev)
    with transaction(world.engine) as session:
        world_first = find_version(session, model, 1)
    world.activate(world_first, "dev")
    with transaction(world.engine) as session:
        found = [find_version(session, model, name, dev).number for name in ("latest", "active", "1", 2, "v2")]
        assert found == [2, 1, 1, 2, 2]
        with pytest.raises(NotFound, match="known: 1, 2, latest, active"):
            find_version(session, model, "3", dev)


class TestTheDatabaseItself:
    """What no code outside the registry can do either."""

    def execute(self, world: World, statement: str) -> None:
        with transaction(world.engine) as session:
            session.connection().execute(text(statement))

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO active_version (model_id, environment_id, version_id, activation_id, revision) VALUES (1, 1, 2, 1, 9)",
            "UPDATE active_version SET version_id = 2",
            "UPDATE active_version SET version_id = 2, activation_id = 1, revision = 2",
            "UPDATE active_version SET environment_id = 1",
            "UPDATE active_version SET revision = revision + 1",
            "DELETE FROM active_version",
            "UPDATE activation SET version_id = 2",
            "DELETE FROM activation",
            "UPDATE audit_event SET actor = 'nobody'",
            "DELETE FROM audit_event",
            "UPDATE model_version SET folder = ''",
            "DELETE FROM model_version WHERE number = 1",
        ],
    )
    def test_refuses(self, world: World, statement: str) -> None:
        first, _ = world.approved_version(), world.version()
        world.activate(first)
        with pytest.raises(IntegrityError):
            self.execute(world, statement)
        assert active(world) == {"prod": 1}

    @pytest.mark.parametrize("forged", ["nothing", "the sign-off", "the approval of other content"])
    def test_refuses_a_forged_activation_of_what_nobody_approved(self, world: World, forged: str) -> None:
        version, where = world.version(), world.environment("prod")
        if forged != "nothing":
            self.execute(world, "UPDATE sign_off SET status = 'APPROVED', revision = revision + 1")
        if forged == "the approval of other content":
            with transaction(world.engine) as session:
                about = {"author": "finn", "content_digest": version.manifest_digest, "created_at": world.now()}
                session.add(
                    FinalApproval(item_id=world.item(version).id, round=1, verdict=SignOffStatus.APPROVED, **about)
                )
            tamper(world.engine, "UPDATE final_approval SET content_digest = :digest", digest="f" * 64)
        with transaction(world.engine) as session:
            place = {"model_id": version.model_id, "environment_id": where.id, "version_id": version.id}
            said_yes = {"decision": GateDecision.ALLOWED, "reasons": [], "confirmed": False}
            session.add(Activation(**place, **said_yes, activated_by="otto", activated_at=world.now()))
        with pytest.raises(IntegrityError, match="the gate let through"), transaction(world.engine) as session:
            session.add(ActiveVersion(**place, activation_id=1, revision=1))

    def test_refuses_an_activation_that_was_not_confirmed(self, world: World) -> None:
        version, where = world.version(), world.environment("test")
        refused = Activation(
            model_id=version.model_id,
            environment_id=where.id,
            version_id=version.id,
            decision=GateDecision.CONFIRMATION_NEEDED,
            reasons=[],
            confirmed=False,
            activated_by="otto",
            activated_at=world.now(),
        )
        with pytest.raises(IntegrityError, match="the gate let through"), transaction(world.engine) as session:
            session.add(refused)
            session.flush()
            place = {"model_id": version.model_id, "environment_id": where.id, "version_id": version.id}
            session.add(ActiveVersion(**place, activation_id=refused.id, revision=1))

    def test_refuses_to_use_an_earlier_activation_again(self, world: World) -> None:
        first, second = world.approved_version(), world.approved_version()
        world.activate(first)
        world.activate(second)
        with pytest.raises(IntegrityError):
            self.execute(world, "UPDATE active_version SET version_id = 1, activation_id = 1, revision = revision + 1")

    def test_refuses_to_move_an_active_version_to_another_environment(self, world: World) -> None:
        version = world.approved_version()
        world.activate(version)
        about = {"model_id": version.model_id, "version_id": version.id, "environment_id": world.environment("dev").id}
        with transaction(world.engine) as session:
            said_yes = {"decision": GateDecision.ALLOWED, "reasons": [], "confirmed": False}
            session.add(Activation(**about, **said_yes, activated_by="otto", activated_at=world.now()))
        with pytest.raises(IntegrityError, match="the gate let through"):
            self.execute(
                world,
                f"UPDATE active_version SET environment_id = {about['environment_id']}, activation_id = 2, revision = 2",
            )
        assert active(world) == {"prod": 1}

    def test_refuses_to_replace_or_empty_the_trail(self, world: World) -> None:
        if world.engine.dialect.name == "sqlite":
            statement = "INSERT OR REPLACE INTO audit_event (id, at, actor, origin, tag, subject) SELECT id, at, 'nobody', origin, tag, subject FROM audit_event"
        else:
            statement = "TRUNCATE audit_event"
        with pytest.raises(IntegrityError):
            self.execute(world, statement)

    @pytest.mark.parametrize("table", ["sign_off", "item", "model_version"])
    def test_keeps_a_version_that_was_never_active(self, world: World, table: str) -> None:
        world.version()
        with pytest.raises(IntegrityError):
            self.execute(world, f"DELETE FROM {table}")


def test_versions_are_numbered_per_model_and_say_what_they_are_made_of(world: World) -> None:
    versions = [world.version() for _ in range(3)]
    assert [version.number for version in versions] == [1, 2, 3]
    assert set(versions[0].manifest["files"]) == {"model.skops", "reference.parquet", "report.json"}
    assert versions[0].manifest["metrics"][0]["name"] == "roc_auc"


def test_an_unknown_name_is_answered_with_the_known_ones(world: World, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"environment 'stage' \(known: dev, prod, test\)"):
        world.environment("stage")
