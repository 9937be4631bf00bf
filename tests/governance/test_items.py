"""What appears can be governed once its parent is; templates are revisions of which one per name is active."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlmodel import Session

from governance.audit import Actor
from governance.database import reading, transaction
from governance.errors import (
    ActRefused,
    ChangedMeanwhile,
    NotAllowed,
    NotFound,
    TemplateError,
    UnusableName,
)
from governance.items import (
    activate_template,
    archive_template,
    change_template,
    draft_template,
    find_item,
    find_template,
    govern,
    hide,
    install_templates,
    item_of,
    list_items,
    list_templates,
    move,
    unhide,
)
from governance.signoff import show
from governance.tables import Assignment, AuditEvent, Item, ModelVersion, SignOff, Template, User
from governance.templates import SHIPPED, shipped_source
from governance.vocabulary import ItemKind, ItemState, Right, Role, SignOffAction, TemplateState, UserKind
from tests.governance.world import FINN, NOON, OTTO, ROSA, WILL, World

HANA = Actor("hana")
"""Administers, once there are users."""

OURS = "title: Ours\nversion:\n  steps:\n    - {key: build, name: Build}\n    - {key: check, name: Check}\n"


def act(world: World, service: Callable[..., Any], *arguments: Any, actor: Actor = WILL, **more: Any) -> Any:
    """One service in one transaction; a path stands for its item, a name for the active revision of a template."""
    with transaction(world.engine) as session:
        found = [find_item(session, one) if isinstance(one, str) and "credit" in one else one for one in arguments]
        found = [
            find_template(session, one) if isinstance(one, str) and one in {*SHIPPED, "ours"} else one for one in found
        ]
        return service(session, *found, actor=actor, at=world.now(), **more)


def draft(world: World, source: str = OURS, name: str = "ours", actor: Actor = HANA) -> Template:
    with transaction(world.engine) as session:
        return draft_template(session, source, name, actor=actor, at=world.now())


def item(world: World, path: str) -> Item:
    with Session(world.engine) as session:
        return find_item(session, path)


def states(world: World) -> dict[str, ItemState]:
    return {one.path: one.state for one in world.read(Item)}


def close(world: World) -> None:
    """Users: everybody of the world, Hana who administers, and a service; from now on rights count."""
    with transaction(world.engine) as session:
        for name in ("will", "rosa", "finn", "otto", "hana", "robot"):
            kind = UserKind.SERVICE if name == "robot" else UserKind.PERSON
            session.add(User(name=name, kind=kind, created_at=NOON))
        session.add(Assignment(project_id=None, person="hana", role=Role.ADMINISTRATOR))
        session.add(Assignment(project_id=None, person="robot", role=Role.ADMINISTRATOR))


@pytest.fixture
def governance(world: World) -> World:
    """The world with the shipped templates, and two versions."""
    with transaction(world.engine) as session:
        install_templates(session, world.now())
    world.version(), world.version()
    return world


class TestGoverning:
    def test_what_is_recorded_appears_by_itself(self, governance: World) -> None:
        assert states(governance) == dict.fromkeys(
            ["credit", "credit/fraud", "credit/fraud/1", "credit/fraud/2"], ItemState.GOVERNABLE
        )

    def test_only_below_a_governed_parent(self, governance: World) -> None:
        with pytest.raises(ActRefused, match="'govern' is refused: its parent credit is GOVERNABLE: govern that first"):
            act(governance, govern, "credit/fraud", "standard", children=False)
        act(governance, govern, "credit", "standard", children=False)
        act(governance, govern, "credit/fraud", "standard", children=False)
        assert states(governance)["credit/fraud"] is ItemState.GOVERNED
        assert states(governance)["credit/fraud/1"] is ItemState.GOVERNABLE

    def test_with_its_children_present_and_future(self, governance: World) -> None:
        lines = len(governance.trail())
        act(governance, govern, "credit", "standard", children=True)
        assert set(states(governance).values()) == {ItemState.GOVERNED}
        assert len(governance.trail()) == lines + 1
        line = governance.read(AuditEvent)[-1]
        assert line.after["with_children"] == ["credit/fraud", "credit/fraud/1", "credit/fraud/2"]
        assert (line.tag, line.after["template"]) == ("item:governed", "template standard/1")
        version = governance.version()
        with Session(governance.engine) as session:
            later = item_of(session, version)
            assert (later.state, later.template_id) == (ItemState.GOVERNED, item(governance, "credit").template_id)

    def test_without_its_children_what_appears_waits(self, governance: World) -> None:
        act(governance, govern, "credit", "standard", children=False)
        act(governance, govern, "credit/fraud", "standard", children=False)
        governance.version()
        assert states(governance)["credit/fraud/3"] is ItemState.GOVERNABLE

    def test_children_can_be_taken_up_later(self, governance: World) -> None:
        act(governance, govern, "credit", "standard", children=False)
        act(governance, govern, "credit", "standard", children=True)
        assert set(states(governance).values()) == {ItemState.GOVERNED}
        with pytest.raises(ActRefused, match="it is governed already, by template standard/1: move it"):
            act(governance, govern, "credit", "standard", children=True)

    def test_hidden_children_and_what_is_below_them_stay_as_they_are(self, governance: World) -> None:
        act(governance, hide, "credit/fraud")
        act(governance, govern, "credit", "standard", children=True)
        assert states(governance) == {
            "credit": ItemState.GOVERNED,
            "credit/fraud": ItemState.HIDDEN,
            "credit/fraud/1": ItemState.GOVERNABLE,
            "credit/fraud/2": ItemState.GOVERNABLE,
        }

    def test_by_an_active_template_only(self, governance: World) -> None:
        template = draft(governance)
        with pytest.raises(ActRefused, match="template ours/1 is DRAFT, not ACTIVE"):
            act(governance, govern, "credit", template, children=False)

    def test_every_reason_is_named(self, governance: World) -> None:
        act(governance, hide, "credit/fraud")
        with pytest.raises(ActRefused) as refused:
            act(governance, govern, "credit/fraud", draft(governance), children=False)
        assert len(refused.value.reasons) == 3

    def test_a_sign_off_that_has_not_begun_takes_the_rules_of_the_template(self, governance: World) -> None:
        act(governance, govern, "credit", "regulated", children=True)
        for sign_off in governance.read(SignOff):
            assert sign_off.configuration["mandatory"] is True
            assert sign_off.configuration["required_feedback"] == ["risk_compliance"]
            assert sign_off.revision == 1

    def test_a_sign_off_that_has_begun_keeps_its_rules_and_the_audit_line_says_so(self, governance: World) -> None:
        version = governance.version()
        governance.sign(version, SignOffAction.REQUEST_APPROVAL, WILL)
        act(governance, govern, "credit", "regulated", children=True)
        assert governance.read(AuditEvent)[-1].after["sign_offs_with_rules_of_before"] == ["credit/fraud/3"]
        with Session(governance.engine) as session:
            assert show(session, item_of(session, version))["rules"]["mandatory"] is False

    def test_whoever_looked_at_an_older_state_is_told(self, governance: World) -> None:
        seen = item(governance, "credit").revision
        act(governance, hide, "credit")
        with pytest.raises(
            ChangedMeanwhile, match="credit was changed meanwhile: expected revision 0, found revision 1"
        ):
            act(governance, govern, "credit", "standard", children=False, expected_revision=seen)

    def test_thousands_of_children_are_governed_at_once(self, governance: World) -> None:
        with transaction(governance.engine) as session:
            model = find_item(session, "credit/fraud")
            for number in range(2_500):
                path = f"credit/fraud/many-{number}"
                session.add(
                    Item(
                        kind=ItemKind.MODEL,
                        path=path,
                        project_id=model.project_id,
                        parent_id=model.id,
                        appeared_at=NOON,
                    )
                )
        act(governance, govern, "credit", "standard", children=True)
        assert set(states(governance).values()) == {ItemState.GOVERNED}


class TestHiding:
    def test_brings_an_item_back_as_it_was(self, governance: World) -> None:
        act(governance, hide, "credit/fraud/1")
        assert states(governance)["credit/fraud/1"] is ItemState.HIDDEN
        act(governance, unhide, "credit/fraud/1")
        assert states(governance)["credit/fraud/1"] is ItemState.GOVERNABLE
        act(governance, govern, "credit", "standard", children=True)
        act(governance, hide, "credit/fraud/1")
        act(governance, unhide, "credit/fraud/1")
        assert states(governance)["credit/fraud/1"] is ItemState.GOVERNED

    def test_not_while_something_below_is_governed(self, governance: World) -> None:
        act(governance, govern, "credit", "standard", children=True)
        with pytest.raises(ActRefused, match="credit/fraud/1, credit/fraud/2 below it are governed: hide them first"):
            act(governance, hide, "credit/fraud")

    def test_twice_is_refused_both_ways(self, governance: World) -> None:
        with pytest.raises(ActRefused, match="it is GOVERNABLE, not HIDDEN"):
            act(governance, unhide, "credit")
        act(governance, hide, "credit")
        with pytest.raises(ActRefused, match="it is hidden already"):
            act(governance, hide, "credit")

    def test_a_governed_item_comes_back_after_its_parent(self, governance: World) -> None:
        act(governance, govern, "credit", "standard", children=False)
        act(governance, govern, "credit/fraud", "standard", children=False)
        act(governance, hide, "credit/fraud")
        act(governance, hide, "credit")
        with pytest.raises(ActRefused, match="its parent credit is HIDDEN"):
            act(governance, unhide, "credit/fraud")

    def test_writes_one_line_each(self, governance: World) -> None:
        lines = len(governance.trail())
        act(governance, hide, "credit")
        act(governance, unhide, "credit")
        assert [tag for tag, _ in governance.trail()[lines:]] == ["item:hidden", "item:unhidden"]


class TestMoving:
    def test_an_item_keeps_its_revision_until_it_is_moved(self, governance: World) -> None:
        act(governance, govern, "credit", "standard", children=True)
        first = item(governance, "credit").template_id
        act(governance, activate_template, draft(governance, shipped_source("standard"), "standard"), actor=HANA)
        assert item(governance, "credit").template_id == first
        act(governance, move, "credit", "standard")
        assert item(governance, "credit").template_id != first
        assert item(governance, "credit/fraud").template_id == first
        act(governance, move, "credit", "standard", children=True)
        assert len({one.template_id for one in governance.read(Item)}) == 1

    def test_to_where_it_is_changes_nothing(self, governance: World) -> None:
        act(governance, govern, "credit", "standard", children=False)
        lines = len(governance.trail())
        act(governance, move, "credit", "standard")
        assert len(governance.trail()) == lines

    def test_takes_a_governed_item_and_an_active_template(self, governance: World) -> None:
        with pytest.raises(ActRefused, match="it is GOVERNABLE, not GOVERNED; template ours/1 is DRAFT"):
            act(governance, move, "credit", draft(governance))

    @pytest.mark.parametrize("ending", [SignOffAction.REJECT, SignOffAction.ABANDON])
    def test_not_while_the_sign_off_locks_it(self, governance: World, ending: SignOffAction) -> None:
        act(governance, govern, "credit", "standard", children=True)
        version = governance.version()
        governance.sign(version, SignOffAction.REQUEST_APPROVAL, WILL)
        governance.sign(version, ending, FINN)
        with pytest.raises(ActRefused, match="which locks it: reset the sign-off, or"):
            act(governance, move, "credit/fraud/3", "regulated")
        act(governance, move, "credit", "regulated", children=True)
        moved = {one.path: one.template_id for one in governance.read(Item)}
        assert moved["credit/fraud/3"] != moved["credit/fraud/1"] == moved["credit"]

    def test_gives_a_sign_off_that_has_not_begun_the_new_rules(self, governance: World) -> None:
        act(governance, govern, "credit", "standard", children=True)
        act(governance, move, "credit", "regulated", children=True)
        assert all(one.configuration["mandatory"] for one in governance.read(SignOff))

    def test_to_another_template_is_for_administrators_since_its_rules_may_be_weaker(self, governance: World) -> None:
        act(governance, govern, "credit", "regulated", children=True)
        close(governance)
        with pytest.raises(NotAllowed, match="will may not administer on project 'credit'"):
            act(governance, move, "credit/fraud/1", "standard", actor=WILL)
        act(governance, move, "credit/fraud/1", "standard", actor=HANA)
        act(governance, activate_template, draft(governance, shipped_source("regulated"), "regulated"), actor=HANA)
        act(governance, move, "credit/fraud/2", "regulated", actor=WILL)


class TestTheRulesOfWhatIsAbove:
    """Nobody who only writes gets a version past the rules of the template that governs what is above it."""

    @pytest.fixture
    def regulated(self, governance: World) -> World:
        act(governance, govern, "credit", "regulated", children=True)
        return governance

    def new(self, world: World) -> tuple[Item, SignOff]:
        version = world.version()
        return world.item(version), world.sign_off(version)

    def hide_all(self, world: World, *paths: str, actor: Actor) -> None:
        for path in paths:
            act(world, hide, path, actor=actor)

    ALL = ("credit/fraud/1", "credit/fraud/2", "credit/fraud", "credit")

    @pytest.mark.parametrize("depth", [3, 4], ids=["the model", "the project too"])
    def test_hold_for_a_version_below_what_is_hidden(self, regulated: World, depth: int) -> None:
        self.hide_all(regulated, *self.ALL[:depth], actor=HANA)
        found, sign_off = self.new(regulated)
        assert found.state is ItemState.GOVERNABLE
        assert sign_off.configuration is not None
        assert (sign_off.configuration["separation_of_duties"], sign_off.configuration["required_feedback"]) == (
            True, ["risk_compliance"],
        )  # fmt: skip
        for path in reversed(self.ALL[2:depth]):
            act(regulated, unhide, path)
        assert self.new(regulated)[0].state is ItemState.GOVERNED

    def test_hold_below_a_model_that_was_hidden_before(self, governance: World) -> None:
        act(governance, hide, "credit/fraud")
        act(governance, govern, "credit", "regulated", children=True)
        found, sign_off = self.new(governance)
        assert (found.state, found.template_id) == (ItemState.GOVERNABLE, None)
        assert sign_off.configuration is not None and sign_off.configuration["mandatory"]

    def test_hold_below_a_model_that_was_governed_alone(self, governance: World) -> None:
        act(governance, hide, "credit/fraud")
        act(governance, govern, "credit", "regulated", children=True)
        act(governance, unhide, "credit/fraud")
        act(governance, govern, "credit/fraud", "regulated", children=False)
        found, sign_off = self.new(governance)
        assert found.state is ItemState.GOVERNED
        assert sign_off.configuration is not None and sign_off.configuration["mandatory"]

    def test_come_back_with_a_reset_that_reloads_them(self, regulated: World) -> None:
        self.hide_all(regulated, *self.ALL[:3], actor=HANA)
        version = regulated.version()
        regulated.sign(version, SignOffAction.ABANDON, WILL)
        after = regulated.sign(version, SignOffAction.RESET, WILL, reload_configuration=True)
        assert after.configuration is not None and after.configuration["mandatory"]

    @pytest.mark.parametrize("path", ["credit/fraud/1", "credit/fraud", "credit"])
    def test_are_hidden_by_administrators_only(self, governance: World, path: str) -> None:
        act(governance, govern, "credit", "regulated", children=False)
        close(governance)
        with pytest.raises(NotAllowed, match="will may not administer on project 'credit'"):
            act(governance, hide, path, actor=WILL)
        assert states(governance)[path] is not ItemState.HIDDEN
        act(governance, hide, path, actor=HANA)

    def test_what_no_template_is_above_every_writer_hides(self, governance: World) -> None:
        close(governance)
        act(governance, hide, "credit/fraud", actor=WILL)

    @pytest.mark.parametrize("alone", [True, False], ids=["the model governed alone", "the model with its children"])
    def test_are_changed_for_others_by_administrators_only(self, governance: World, alone: bool) -> None:
        act(governance, govern, "credit", "regulated", children=False)
        close(governance)
        with pytest.raises(NotAllowed, match="will may not administer on project 'credit'"):
            act(governance, govern, "credit/fraud", "standard", children=not alone, actor=WILL)
        act(governance, govern, "credit/fraud", "regulated", children=False, actor=WILL)
        with pytest.raises(NotAllowed, match="will may not administer on project 'credit'"):
            act(governance, govern, "credit/fraud/1", "standard", children=False, actor=WILL)
        assert states(governance)["credit/fraud/1"] is ItemState.GOVERNABLE
        act(governance, govern, "credit/fraud/1", "standard", children=False, actor=HANA)
        act(governance, govern, "credit/fraud/2", "regulated", children=False, actor=WILL)


class TestLocking:
    """A rejected or abandoned sign-off keeps everything about its item as it is."""

    @pytest.fixture(params=[SignOffAction.REJECT, SignOffAction.ABANDON])
    def locked(self, request: pytest.FixtureRequest, governance: World) -> World:
        version = governance.version()
        governance.sign(version, SignOffAction.REQUEST_APPROVAL, WILL)
        governance.sign(version, request.param, FINN)
        return governance

    def test_it_is_not_hidden(self, locked: World) -> None:
        with pytest.raises(ActRefused, match="which locks it: reset the sign-off, or"):
            act(locked, hide, "credit/fraud/3")
        assert states(locked)["credit/fraud/3"] is ItemState.GOVERNABLE

    def test_it_is_not_governed_alone_nor_with_what_is_above(self, locked: World) -> None:
        act(locked, govern, "credit", "standard", children=True)
        assert states(locked)["credit/fraud/3"] is ItemState.GOVERNABLE
        assert states(locked)["credit/fraud/1"] is ItemState.GOVERNED
        with pytest.raises(ActRefused, match="which locks it: reset the sign-off, or"):
            act(locked, govern, "credit/fraud/3", "standard", children=False)
        locked.sign(locked.read(ModelVersion)[-1], SignOffAction.RESET, WILL)
        act(locked, govern, "credit/fraud/3", "standard", children=False)
        assert states(locked)["credit/fraud/3"] is ItemState.GOVERNED


@pytest.mark.parametrize("who", [ROSA, FINN, OTTO, Actor("robot", scope=frozenset({Right.READ})), Actor("nobody")])
@pytest.mark.parametrize("service", [govern, move, hide, unhide], ids=lambda service: service.__name__)
def test_who_does_not_write_on_the_project_governs_nothing(
    governance: World, service: Callable[..., Any], who: Actor
) -> None:
    close(governance)
    before = (governance.trail(), states(governance))
    more: dict[str, Any] = {"children": True} if service is govern else {}
    arguments = ["credit"] if service in {hide, unhide} else ["credit", "standard"]
    with pytest.raises(NotAllowed, match=f"{who.name} may not write on project 'credit'"):
        act(governance, service, *arguments, actor=who, **more)
    assert (governance.trail(), states(governance)) == before


class TestFinding:
    def test_says_what_is_near(self, governance: World) -> None:
        with (
            Session(governance.engine) as session,
            pytest.raises(NotFound, match=r"There is no item 'credit/fruad' \(known: credit/fraud"),
        ):
            find_item(session, "credit/fruad")

    def test_filters_by_kind_state_and_project(self, governance: World) -> None:
        act(governance, govern, "credit", "standard", children=False)
        with reading(governance.engine) as session:
            paths = [
                [one.path for one in list_items(session, WILL, **filters)]
                for filters in (
                    {"kind": ItemKind.VERSION},
                    {"state": ItemState.GOVERNED},
                    {"kind": ItemKind.MODEL, "project": "credit"},
                    {"project": "other"},
                )
            ]
        assert paths == [["credit/fraud/1", "credit/fraud/2"], ["credit"], ["credit/fraud"], []]

    def test_what_somebody_may_not_read_is_not_there(self, governance: World) -> None:
        close(governance)
        with reading(governance.engine) as session:
            assert list_items(session, OTTO) == []
            assert len(list_items(session, ROSA)) == 4
            with pytest.raises(NotFound, match="There is no item 'credit'") as refused:
                find_item(session, "credit", actor=OTTO)
            assert refused.value.known == ()

    @pytest.mark.parametrize(
        "path", ["", "' OR 1=1 --", "credit/../credit", "%", "credit\x00", "{{ 7*7 }}", "x" * 10_000]
    )
    def test_a_path_is_only_a_path(self, governance: World, path: str) -> None:
        with Session(governance.engine) as session:
            with pytest.raises(NotFound):
                find_item(session, path)
            with pytest.raises(NotFound):
                find_template(session, path)
            assert list_items(session, WILL, project=path) == []


class TestLibrary:
    def test_the_shipped_templates_are_installed_once(self, governance: World) -> None:
        with transaction(governance.engine) as session:
            assert install_templates(session, governance.now()) == []
        assert {(one.name, one.number, one.state) for one in governance.read(Template)} == {
            (name, 1, TemplateState.ACTIVE) for name in SHIPPED
        }

    def test_revisions_are_counted_and_one_per_name_is_active(self, governance: World) -> None:
        for number in (1, 2, 3):
            template = draft(governance)
            assert (template.number, template.state) == (number, TemplateState.DRAFT)
            act(governance, activate_template, template, actor=HANA)
        with Session(governance.engine) as session:
            found = {one.number: one.state for one in list_templates(session, "ours")}
            assert find_template(session, "ours").number == 3
        archived, active = TemplateState.ARCHIVED, TemplateState.ACTIVE
        assert found == {1: archived, 2: archived, 3: active}
        assert governance.read(AuditEvent)[-1].after["archived"] == "template ours/2"

    def test_an_archived_revision_can_come_back(self, governance: World) -> None:
        first = act(governance, activate_template, draft(governance), actor=HANA)
        act(governance, activate_template, draft(governance), actor=HANA)
        act(governance, activate_template, first, actor=HANA)
        with Session(governance.engine) as session:
            assert find_template(session, "ours").number == 1

    def test_only_a_draft_is_changed(self, governance: World) -> None:
        template = draft(governance)
        changed = act(governance, change_template, template, OURS.replace("Build", "Make"), actor=HANA)
        assert "Make" in changed.source
        act(governance, activate_template, template, actor=HANA)
        for _ in range(2):
            with pytest.raises(ActRefused, match="only a draft is ever changed: draft a new revision"):
                act(governance, change_template, template, OURS, actor=HANA)
            act(governance, archive_template, template, actor=HANA)

    def test_a_wrong_source_changes_nothing(self, governance: World) -> None:
        template = draft(governance)
        before = governance.trail()
        with pytest.raises(TemplateError, match="ours, line 1, field 'titel'"):
            act(governance, change_template, template, "titel: T", actor=HANA)
        with pytest.raises(TemplateError):
            draft(governance, "")
        assert governance.trail() == before
        assert governance.read(Template)[-1].source == OURS

    @pytest.mark.parametrize("name", ["", "Ours", "../ours", "a b", "a" * 81, "ours\n", "ours'; DROP TABLE item", "ö"])
    def test_a_name_that_is_none_is_refused(self, governance: World, name: str) -> None:
        with pytest.raises(UnusableName, match="it can't be the name of a template; use up to 80"):
            draft(governance, name=name)

    def test_whoever_looked_at_an_older_revision_is_told(self, governance: World) -> None:
        template = draft(governance)
        act(governance, change_template, template, OURS + "\n", actor=HANA)
        for service, more in ((change_template, [OURS]), (activate_template, []), (archive_template, [])):
            with pytest.raises(ChangedMeanwhile, match="template ours/1 was changed meanwhile"):
                act(governance, service, template, *more, actor=HANA, expected_revision=0)

    def test_each_act_is_one_line_and_what_changes_nothing_is_none(self, governance: World) -> None:
        lines = len(governance.trail())
        template = draft(governance)
        act(governance, change_template, template, OURS, actor=HANA)
        act(governance, change_template, template, OURS + "\n", actor=HANA)
        for _ in range(2):
            act(governance, activate_template, template, actor=HANA)
        for _ in range(2):
            act(governance, archive_template, template, actor=HANA)
        assert [tag for tag, _ in governance.trail()[lines:]] == [
            "template:drafted", "template:changed", "template:activated", "template:archived",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "who", [WILL, ROSA, FINN, OTTO, Actor("robot"), Actor("hana", scope=frozenset({Right.WRITE}))]
    )
    def test_is_for_administrators_of_the_installation(self, governance: World, who: Actor) -> None:
        template = draft(governance)
        close(governance)
        before = governance.trail()
        with pytest.raises(NotAllowed, match=f"{who.name} may not administer on the whole installation"):
            draft(governance, actor=who)
        for service, more in ((change_template, [OURS]), (activate_template, []), (archive_template, [])):
            with pytest.raises(NotAllowed):
                act(governance, service, template, *more, actor=who)
        assert governance.trail() == before

    def test_what_is_not_there_is_named_with_what_is(self, governance: World) -> None:
        draft(governance)
        with Session(governance.engine) as session:
            with pytest.raises(NotFound, match=r"no template 'theirs' \(known: ours, regulated, standard\)"):
                find_template(session, "theirs")
            with pytest.raises(NotFound, match=r"no active revision of template 'ours' \(known: 1 \(DRAFT\)\)"):
                find_template(session, "ours")
            with pytest.raises(NotFound, match=r"no revision of template 'standard' '7' \(known: 1 \(ACTIVE\)\)"):
                find_template(session, "standard", 7)


def at_once(*acts: Callable[[], Any]) -> list[str]:
    """Let all go at the same time; what each said: ``won``, or the name of its error."""
    start = Barrier(len(acts))

    def run(one: Callable[[], Any]) -> str:
        start.wait()
        try:
            one()
        except Exception as error:
            return type(error).__name__
        return "won"

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(run, acts))


class TestRaces:
    def test_one_of_many_who_saw_the_same_state_governs(self, governance: World) -> None:
        wishes = [lambda: act(governance, govern, "credit", "standard", children=True, expected_revision=0)] * 8
        assert at_once(*wishes) == ["ChangedMeanwhile"] * 7 + ["won"]
        assert [tag for tag, _ in governance.trail()].count("item:governed") == 1

    def test_of_parent_and_child_both_are_governed_or_the_child_is_refused(self, governance: World) -> None:
        for path in ("credit", "credit/fraud"):
            act(governance, hide, path), act(governance, unhide, path)
        act(governance, govern, "credit", "standard", children=False)
        found = at_once(
            lambda: act(governance, govern, "credit", "standard", children=True),
            lambda: act(governance, govern, "credit/fraud", "standard", children=True),
        )
        assert found in (["ActRefused", "won"], ["won", "won"])
        assert set(states(governance).values()) == {ItemState.GOVERNED}

    def test_a_parent_is_not_hidden_above_a_child_that_is_governed(self, governance: World) -> None:
        act(governance, govern, "credit", "standard", children=False)
        found = at_once(
            lambda: act(governance, hide, "credit"),
            lambda: act(governance, govern, "credit/fraud", "standard", children=False),
        )
        assert found == ["ActRefused", "won"]

    def test_no_version_that_appears_meanwhile_is_left_out(self, governance: World) -> None:
        found = at_once(
            lambda: act(governance, govern, "credit", "standard", children=True), governance.version, governance.version
        )
        assert found.count("won") >= 2  # of two versions at once one may be told to try again
        assert set(states(governance).values()) == {ItemState.GOVERNED}
        assert all(one.configuration is not None for one in governance.read(SignOff))

    def test_one_revision_is_active_whoever_activates_what(self, governance: World) -> None:
        drafts = [draft(governance) for _ in range(4)]
        at_once(*(lambda one=one: act(governance, activate_template, one, actor=HANA) for one in drafts))  # type: ignore[misc]
        active = [one for one in governance.read(Template) if one.name == "ours" and one.state is TemplateState.ACTIVE]
        assert len(active) == 1

    def test_the_shipped_templates_are_installed_once_by_many(self, world: World) -> None:
        def install() -> None:
            with transaction(world.engine) as session:
                install_templates(session, NOON)

        assert at_once(*[install] * 4) == ["won"] * 4
        assert sorted(one.name for one in world.read(Template)) == sorted(SHIPPED)
        assert [tag for tag, _ in world.trail()].count("template:activated") == 2
