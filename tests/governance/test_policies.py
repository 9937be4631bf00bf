"""Policies and people: what project.yaml declares, what administrators make of it, and whose word holds when."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from governance.audit import Actor, Tag
from governance.database import transaction
from governance.errors import ChangedMeanwhile, ConfirmationNeeded, NotAllowed
from governance.registry import register_project, set_policy
from governance.tables import Assignment, AuditEvent, EnvironmentRow, ProjectRow
from governance.vocabulary import Policy, Right, Role, SignOffAction, SignOffStatus
from tests.governance.installation import assign, close
from tests.governance.world import FINN, OTTO, ROSA, WILL, World, declaration

ROOT, BOT = Actor("root"), Actor("bot")


def decide(world: World, policy: Policy, actor: Actor = ROOT, where: str = "prod", **details: Any) -> EnvironmentRow:
    with transaction(world.engine) as session:
        return set_policy(session, world.environment(where), policy, actor=actor, at=world.now(), **details)


def bring(world: World, actor: Actor, **changes: Any) -> None:
    with transaction(world.engine) as session:
        register_project(session, declaration(**changes), actor=actor, at=world.now())


def give(world: World, person: str, role: Role) -> None:
    """What an administrator does with a command or on a page."""
    with transaction(world.engine) as session:
        project = session.exec(select(ProjectRow)).one()
        session.add(Assignment(project_id=project.id, person=person, role=role))


def places(world: World) -> set[tuple[str, Role]]:
    return {(row.person, row.role) for row in world.read(Assignment) if row.project_id is not None}


PEOPLE = declaration().people.model_dump()


class TestAPolicy:
    def test_is_changed_by_an_administrator_with_one_line(self, world: World) -> None:
        close(world)
        lines = len(world.trail())
        after = decide(world, Policy.WARN)
        assert (after.policy, after.revision) == (Policy.WARN, world.environment("prod").revision)
        assert world.trail()[lines:] == [(Tag.POLICY_CHANGED, "root")]
        event = world.read(AuditEvent)[-1]
        assert (event.subject, event.before, event.after) == (
            "credit/environments/prod", {"policy": "prevent"}, {"policy": "warn"},
        )  # fmt: skip
        assign(world, "finn", Role.CONTRIBUTOR)
        version = world.version()
        with pytest.raises(ConfirmationNeeded):
            world.activate(version)

    @pytest.mark.parametrize("actor", [WILL, ROSA, FINN, OTTO, BOT, Actor("root", scope=frozenset({Right.WRITE}))])
    def test_is_changed_by_nobody_else(self, world: World, actor: Actor) -> None:
        close(world)
        assign(world, "bot", Role.ADMINISTRATOR)
        with pytest.raises(NotAllowed):
            decide(world, Policy.ALWAYS, actor)
        assert world.environment("prod").policy is Policy.PREVENT

    def test_that_it_has_already_is_no_change(self, world: World) -> None:
        lines, before = len(world.trail()), world.environment("prod").revision
        assert decide(world, Policy.PREVENT).revision == before
        assert len(world.trail()) == lines

    def test_is_not_changed_by_who_looked_at_an_older_one(self, world: World) -> None:
        seen = world.environment("prod").revision
        decide(world, Policy.WARN, expected_revision=seen)
        with pytest.raises(ChangedMeanwhile, match=f"expected revision {seen}, found revision {seen + 1}"):
            decide(world, Policy.ALWAYS, expected_revision=seen)
        assert world.environment("prod").policy is Policy.WARN

    def test_stays_until_the_file_says_something_new_of_it(self, world: World) -> None:
        decide(world, Policy.WARN)
        world.register()
        world.register(description="another sentence")
        assert world.environment("prod").policy is Policy.WARN
        world.register(environments={"prod": {"policy": "always"}})
        assert world.environment("prod").policy is Policy.ALWAYS
        decide(world, Policy.PREVENT)
        world.register(environments={"prod": {"policy": "always"}})
        assert world.environment("prod").policy is Policy.PREVENT


class TestPeople:
    def test_that_an_administrator_has_assigned_stay_while_the_file_says_what_it_said(self, world: World) -> None:
        give(world, "otto", Role.APPROVER)
        lines = len(world.trail())
        world.register()
        assert ("otto", Role.APPROVER) in places(world)
        assert len(world.trail()) == lines

    def test_of_the_file_are_given_and_taken_by_what_it_changes_and_nothing_else(self, world: World) -> None:
        give(world, "otto", Role.APPROVER)
        world.register(people=PEOPLE | {"writers": ["will", "wanda"], "final_approvers": ["finn"]})
        found = places(world)
        assert {("otto", Role.APPROVER), ("wanda", Role.CONTRIBUTOR), ("will", Role.CONTRIBUTOR)} <= found
        assert ("flora", Role.APPROVER) not in found

    def test_whose_role_was_taken_by_an_administrator_do_not_come_back_with_the_same_file(self, world: World) -> None:
        with transaction(world.engine) as session:
            session.delete(session.exec(select(Assignment).where(Assignment.person == "flora")).one())
        world.register(description="another sentence")
        assert ("flora", Role.APPROVER) not in places(world)


class TestInAClosedInstallation:
    @pytest.mark.parametrize(
        "changes",
        [
            {"people": PEOPLE | {"final_approvers": ["will"]}},
            {"people": PEOPLE | {"separation_of_duties": True}},
            {"environments": {"prod": {"policy": "always"}}},
            {"environments": {"stage": {"policy": "always"}}},
        ],
    )
    def test_a_file_that_changes_the_rules_is_an_administrator_s(self, world: World, changes: dict[str, Any]) -> None:
        close(world)
        before, lines = (places(world), world.environment("prod").policy), len(world.trail())
        for actor in (WILL, ROSA, OTTO):
            with pytest.raises(NotAllowed):
                bring(world, actor, **changes)
        with pytest.raises(NotAllowed, match=r"project.yaml changes .*, which takes the role administrator"):
            bring(world, WILL, **changes)
        assert (places(world), world.environment("prod").policy) == before
        assert len(world.trail()) == lines
        bring(world, ROOT, **changes)
        assert len(world.trail()) == lines + 1
        bring(world, ROSA, **changes)  # now it is what is on record

    def test_an_unchanged_file_takes_no_right_and_any_other_change_takes_writing(self, world: World) -> None:
        close(world)
        lines = len(world.trail())
        for actor in (ROSA, FINN, OTTO, WILL):
            bring(world, actor)
        assert len(world.trail()) == lines
        for actor in (ROSA, FINN, OTTO):
            with pytest.raises(NotAllowed, match="may not write on project 'credit'"):
                bring(world, actor, description="another sentence")
        bring(world, WILL, description="another sentence")

    def test_a_reviewer_s_own_copy_in_another_folder_takes_no_right_and_changes_nothing(
        self, world: World, tmp_path
    ) -> None:
        close(world)
        before = world.read(ProjectRow)
        copy = declaration()
        copy._file = tmp_path / "copy" / "project.yaml"
        with transaction(world.engine) as session:
            register_project(session, copy, actor=ROSA, at=world.now())
        assert world.read(ProjectRow) == before

    @pytest.mark.parametrize(
        ("changes", "needed"),
        [
            ({"people": {}, "environments": {"prod": {}}}, Role.CONTRIBUTOR),
            ({"people": {}}, Role.ADMINISTRATOR),
            ({"environments": {"prod": {}}}, Role.ADMINISTRATOR),
        ],
        ids=["no rules of its own", "weaker policies", "people"],
    )
    def test_a_new_project_brings_rules_of_its_own_by_an_administrator_only(
        self, world: World, changes: dict[str, Any], needed: Role
    ) -> None:
        close(world)
        with pytest.raises(NotAllowed):
            bring(world, WILL, project="debit", **changes)  # who writes on another project only
        assign(world, "will", Role.CONTRIBUTOR)
        if needed is Role.ADMINISTRATOR:
            with pytest.raises(NotAllowed):
                bring(world, WILL, project="debit", **changes)
            bring(world, ROOT, project="debit", **changes)
        else:
            bring(world, WILL, project="debit", **changes)
        assert [row.name for row in world.read(ProjectRow)] == ["credit", "debit"]


def test_people_whom_an_administrator_assigned_sign(world: World) -> None:
    close(world)
    version = world.version()
    give(world, "otto", Role.APPROVER)
    world.sign(version, SignOffAction.REQUEST_APPROVAL, WILL)
    assert world.sign(version, SignOffAction.APPROVE, OTTO).status is SignOffStatus.APPROVED
