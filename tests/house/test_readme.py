"""The README is under test: what it names exists, and what exists is named."""

import re
import subprocess
from pathlib import Path

import typer
import yaml

from deployments.cli.main import app
from governance.project_file import ModelSettings, Project, Store
from governance.settings import Settings
from governance.signoff import transition_diagram
from governance.vocabulary import Policy, RunCondition, StepKind
from tasks.checks import CHECKS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROOMS = ("flows", "tasks", "governance", "deployments")


def every_command(command=None, path="driftgate"):
    """Every command with its group, as people type it."""
    command = command or typer.main.get_command(app)
    if not getattr(command, "commands", None):
        return {path}
    return set().union(*(every_command(inner, f"{path} {name}") for name, inner in command.commands.items()))


def test_the_table_of_commands_is_complete_and_every_command_in_it_exists():
    assert set(re.findall(r"^\| `(driftgate [a-z -]+)` \|", README, re.MULTILINE)) == every_command()


def test_every_command_that_a_text_names_exists():
    commands = every_command()
    groups = {command.rsplit(" ", 1)[0] for command in commands}
    known = commands | groups
    files = [
        ROOT / "README.md",
        *(p for room in ROOMS for p in (ROOT / room).rglob("*") if p.suffix in {".py", ".md", ".yaml"}),
    ]
    named = {
        (file.relative_to(ROOT), words)
        for file in files
        for words in re.findall(r"[`'](?:\S+/)?(driftgate [a-z][a-z -]*[a-z])", file.read_text(encoding="utf-8"))
    }
    assert len(named) > 30
    unknown = [
        (str(f), w) for f, w in named if not any(w == k or w.startswith(f"{k} ") for k in known if k != "driftgate")
    ]
    assert not unknown


def test_the_commands_of_its_examples_exist_with_their_options():
    commands = {path: _find(path) for path in every_command()}
    examples = [line for line in re.findall(r"^(?:\S*/)?(driftgate .*)$", README, re.MULTILINE) if "|" not in line]
    assert len(examples) >= 9
    for example in examples:
        path = max((p for p in commands if example.startswith(p)), key=len)
        options = {option for parameter in commands[path].params for option in parameter.opts}
        assert set(re.findall(r"(--[a-z-]+)", example)) <= options, example


def _find(path):
    command = typer.main.get_command(app)
    for name in path.split()[1:]:
        command = command.commands[name]
    return command


def test_the_targets_of_make_that_it_names_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`?make ([a-z]+)`?$|`make ([a-z]+)`", README, re.MULTILINE)):
        assert re.search(rf"^{''.join(target)}:", makefile, re.MULTILINE), target


def test_the_table_of_settings_is_complete_and_every_setting_in_it_exists():
    named = set(re.findall(r"^\| `(DRIFTGATE_[A-Z_]+)`", README, re.MULTILINE))
    assert named == {f"DRIFTGATE_{name.upper()}" for name in Settings.model_fields}


def test_sections_step_kinds_conditions_policies_and_check_kinds_are_named():
    for section in set(Project.model_fields) - {"project", "description", "monitored_environment"}:
        assert f"* `{section}`" in README
    for word in [*StepKind, *RunCondition, *Policy, *CHECKS]:
        assert f"`{word}" in README or f" {word}" in README, word


def test_the_project_file_in_it_is_one():
    written = re.search(r"^```yaml\n(project: .*?)^```", README, re.DOTALL | re.MULTILINE)[1]
    project = Project.model_validate(yaml.safe_load(written))
    said = project.model_dump(exclude_unset=True)
    for section, known in ((said["stores"]["truth"], Store), (said["models"]["repaid"], ModelSettings)):
        unsaid = set(known.model_fields) - set(section)
        assert unsaid <= ELSEWHERE, "what can be said stands in the example"


ELSEWHERE = {
    "standalone", "performance", "skip_scoring", "on_drift_failure", "averaging", "estimator", "parameters", "refit_on_full",
    "reference_rows", "metric", "train_on",
}  # fmt: skip
"""Said in the text, in the other store, or in the tutorial's file."""


def test_no_table_that_a_script_prints_is_missing():
    for name in ("false alarms", "peers"):
        table = re.search(rf"<!-- {name}: .*?-->\n(.*?)<!-- end of {name} -->", README, re.DOTALL)[1]
        assert table.count("\n|") > 5, name


def test_the_picture_of_the_sign_off_is_the_table():
    shown = re.search(r"<!-- sign-off: .*?-->\n```mermaid\n(.*?)```", README, re.DOTALL)[1]
    assert shown.strip() == transition_diagram().strip()


def test_every_link_to_a_file_leads_somewhere():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_file_named_in_a_decision_exists():
    for decision in (ROOT / "governance/decisions").glob("*.md"):
        paths = re.findall(r"`((?:flows|tasks|governance|deployments|tests)/[\w./]+)`", decision.read_text())
        assert [path for path in paths if not (ROOT / path).exists()] == [], decision.name


def test_the_product_speaks_of_itself_alone():
    found = subprocess.run(
        ["git", "grep", "-nIE", r"/work/|/farm/|\.library|\.\./shared|DEVELOPERS\.md", "--", ".", ":!tests", ":!.ci"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.stdout == ""
