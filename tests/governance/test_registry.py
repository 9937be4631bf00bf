"""A project is recorded as its file declares it, under a name that belongs to one folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import Session

from governance.audit import Actor, Tag
from governance.database import reading, transaction
from governance.errors import NotFound, ProjectFileError
from governance.project_file import Project, load_project
from governance.registry import declaring, find_project, find_version, list_projects, note_scoring, register_project
from governance.registry import verdicts as verdicts_of
from governance.tables import AuditEvent, ProjectRow
from governance.vocabulary import GateDecision, SignOffAction, SignOffStatus
from tests.governance.world import FINN, OTTO, WILL, World, declaration

LOANS = """\
project: loans
data: {training: {path: t.csv}}
models: {default: {target: repaid, prediction_type: binary}}
people: {writers: [ada]}
"""


def in_folder(folder: Path, text: str = LOANS) -> Project:
    folder.mkdir(exist_ok=True)
    (folder / "project.yaml").write_text(text)
    return load_project(folder)


def register(world: World, project: Project, actor: Actor = WILL) -> None:
    with transaction(world.engine) as session:
        register_project(session, project, actor=actor, at=world.now())


def test_registering_the_same_file_twice_writes_one_line(world: World) -> None:
    world.register()
    assert world.trail() == [(Tag.PROJECT_REGISTERED, "will")]


def test_every_change_of_people_and_policies_is_written_down_as_it_was_and_as_it_is(world: World) -> None:
    world.register(
        environments={"prod": {"policy": "always"}}, people={"writers": ["otto"], "separation_of_duties": True}
    )
    event = world.read(AuditEvent)[-1]
    assert event.tag == Tag.PROJECT_CHANGED
    assert set(event.before) == set(event.after) == {"environments.prod", "people", "separation_of_duties"}
    assert (event.before["environments.prod"], event.after["environments.prod"]) == (
        {"policy": "prevent"},
        {"policy": "always"},
    )
    assert ["finn", "approver", ""] in event.before["people"]
    assert event.after["people"] == [["otto", "contributor", ""]]
    assert (event.before["separation_of_duties"], event.after["separation_of_duties"]) == (False, True)
    assert world.environment("prod").policy == "always"


def test_a_change_is_written_down_as_one_also_when_the_project_was_added_at_the_same_moment(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = in_folder(tmp_path / "loans")
    add = declaring._added

    def overtaken(session: Session, *details: object) -> bool:
        others = LOANS.replace("ada", "eve")
        register_others = Project.model_validate({"project": "loans", **_fields(others)})
        monkeypatch.setattr(declaring, "_added", add)
        register_project(session, register_others, actor=OTTO, at=world.now())
        return add(session, *details)

    monkeypatch.setattr(declaring, "_added", overtaken)
    register(world, project)
    first, second = world.read(AuditEvent)[-2:]
    assert (first.tag, first.before) == (Tag.PROJECT_REGISTERED, None)
    assert (second.tag, second.before["people"]) == (Tag.PROJECT_CHANGED, [["eve", "contributor", ""]])


def _fields(text: str) -> dict[str, object]:
    import yaml

    fields: dict[str, object] = yaml.safe_load(text)
    return fields


def test_a_person_the_file_no_longer_names_may_no_longer_act(world: World) -> None:
    version = world.version()
    world.register(people={"writers": ["otto"]})
    moved = world.sign(version, SignOffAction.REQUEST_APPROVAL, OTTO)
    assert moved.status is SignOffStatus.WAITING_FOR_APPROVAL


class TestAName:
    def test_is_not_taken_over_by_another_folder(self, world: World, tmp_path: Path) -> None:
        register(world, in_folder(tmp_path / "first"))
        before = world.trail()
        second = in_folder(tmp_path / "second", LOANS.replace("ada", "eve"))
        with pytest.raises(
            ProjectFileError, match=r"second/project.yaml, field 'project': .*'loans'.*first"
        ) as refusal:
            register(world, second)
        assert "give one of the two another name" in str(refusal.value)
        assert world.trail() == before
        assert [row.folder for row in world.read(ProjectRow) if row.name == "loans"] == [str(tmp_path / "first")]

    def test_is_not_taken_over_while_its_file_can_not_be_read(self, world: World, tmp_path: Path) -> None:
        register(world, in_folder(tmp_path / "first"))
        (tmp_path / "first" / "project.yaml").write_text("project: [")
        with pytest.raises(ProjectFileError, match="still there"):
            register(world, in_folder(tmp_path / "second"))

    @pytest.mark.parametrize("what", ["moved", "renamed"])
    def test_goes_with_a_project_whose_old_place_is_gone_and_that_is_written_down(
        self, world: World, tmp_path: Path, what: str
    ) -> None:
        register(world, in_folder(tmp_path / "first"))
        if what == "moved":
            (tmp_path / "first").rename(tmp_path / "second")
        else:
            in_folder(tmp_path / "first", LOANS.replace("project: loans", "project: debts"))
        register(world, in_folder(tmp_path / "second"))
        event = world.read(AuditEvent)[-1]
        assert event.tag == Tag.PROJECT_CHANGED
        assert (event.before, event.after) == (
            {"folder": str(tmp_path / "first")},
            {"folder": str(tmp_path / "second")},
        )

    def test_stays_with_its_folder_by_any_path(self, world: World, tmp_path: Path) -> None:
        project = in_folder(tmp_path / "first")
        register(world, project)
        (tmp_path / "link").symlink_to(tmp_path / "first")
        project._file = tmp_path / "link" / "project.yaml"
        register(world, project)
        assert world.read(AuditEvent)[-1].after == {"folder": str(tmp_path / "link")}


def test_projects_are_listed_by_name_and_one_without_a_record_is_answered_with_what_to_do(world: World) -> None:
    world.register(project="balance")
    with reading(world.engine) as session:
        assert [row.name for row in list_projects(session)] == ["balance", "credit"]
        assert find_project(session, "credit").separation_of_duties is declaration().people.separation_of_duties
        with pytest.raises(NotFound, match="no record of project 'loans'; train a version with 'driftgate train'"):
            find_project(session, "loans")


def test_what_the_gate_would_say_is_told_for_every_environment_after_one_look_at_the_files(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from governance import gate

    version = world.version()
    looks = []
    look_at = gate.look_at
    monkeypatch.setattr(gate, "look_at", lambda *what: looks.append(what) or look_at(*what))
    with reading(world.engine) as session:
        found = verdicts_of(session, find_version(session, world.model(), 1), world.artifacts, at=world.now())
    assert {name: verdict.decision for name, verdict in found.items()} == {
        "dev": GateDecision.ALLOWED,
        "test": GateDecision.CONFIRMATION_NEEDED,
        "prod": GateDecision.REFUSED,
    }
    assert len(looks) == 1
    (world.artifacts / version.folder / "model.skops").write_text("other bytes")
    with reading(world.engine) as session:
        altered = verdicts_of(session, version, world.artifacts, at=world.now())
    assert {verdict.decision for verdict in altered.values()} == {GateDecision.REFUSED}


def test_scoring_is_written_down_on_the_version_that_scored(world: World) -> None:
    world.version()
    with transaction(world.engine) as session:
        version = find_version(session, world.model(), "latest")
        note_scoring(session, version, {"rows": 7}, actor=FINN, at=world.now())
    event = world.read(AuditEvent)[-1]
    assert (event.tag, event.subject, event.actor, event.after) == (
        Tag.DATA_SCORED, "credit/fraud/1", "finn", {"rows": 7},
    )  # fmt: skip
