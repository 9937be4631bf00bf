"""What holds for every command: help, JSON, exit codes, and never a traceback."""

from __future__ import annotations

import errno
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from pydantic import SecretStr
from sqlalchemy.exc import OperationalError

from deployments.cli import project as project_commands
from deployments.cli.exit_codes import EXIT_CODES, FAILED, exit_code
from deployments.cli.main import app, run
from governance import errors
from governance.settings import Settings, settings

HEAVY = {"pandas", "numpy", "sklearn", "scipy", "prefect", "evidently", "sqlmodel", "sqlalchemy", "pydantic", "pyarrow"}


def every_command(group=None, path=()) -> Iterator[tuple[str, ...]]:
    group = group or typer.main.get_command(app)
    for name, inner in group.commands.items():
        if hasattr(inner, "commands"):
            yield from every_command(inner, (*path, name))
        else:
            yield (*path, name)


COMMANDS = list(every_command())


def every_error(root: type[errors.DriftgateError] = errors.DriftgateError) -> Iterator[type[errors.DriftgateError]]:
    children = [child for child in root.__subclasses__() if child.__module__ == errors.__name__]
    if not children:
        yield root
    for child in children:
        yield from every_error(child)


def test_every_error_that_can_be_raised_has_an_exit_code_and_no_other_has() -> None:
    assert set(EXIT_CODES) == set(every_error())
    assert set(EXIT_CODES.values()) <= {1, 2}


def test_an_error_that_is_only_a_branch_of_the_tree_still_has_an_exit_code() -> None:
    assert exit_code(errors.BadInput("something")) == FAILED


def test_all_nouns_are_there() -> None:
    names = {" ".join(command) for command in COMMANDS}
    assert names >= {
        "demo", "init", "project validate", "project list", "project show", "train", "score", "evaluate", "check", "compare",
        "scenario run", "scenario last-runs", "version list", "version show", "version activate", "version rollback",
        "metrics export", "serve",
    }  # fmt: skip


def test_help_imports_nothing_heavy_and_answers_at_once() -> None:
    code = "import sys; from deployments.cli.main import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    took = time.monotonic() - began
    imported = {name.partition(".")[0] for name in done.stderr.split()}
    assert imported & HEAVY == set()
    assert "sign-off" in done.stdout
    assert took < 5, "half a second on an idle machine; this one may be busy"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_a_help_with_an_example_that_names_it_and_json(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, "--help"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert f"Example: driftgate {' '.join(command)}" in words
    assert "--json" in words


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_answers_wrong_usage_with_2_and_one_document(driftgate, command: tuple[str, ...]) -> None:
    done = driftgate(*command, "--no-such-option", "--json")
    assert done.code == 2
    assert set(done.document) == {"error"}
    assert done.document["error"]["type"] == "UsageError"
    assert "--no-such-option" in done.document["error"]["message"]
    plain = driftgate(*command, "--no-such-option")
    assert plain.code == 2
    assert plain.out == ""
    assert "--no-such-option" in plain.err


@pytest.mark.parametrize(
    "arguments", [(), ("version",), ("nonsense",), ("version", "nonsense"), ("version", "show", "1", "2", "3")]
)
def test_a_command_line_that_is_not_one_is_answered_with_2(driftgate, arguments: tuple[str, ...]) -> None:
    assert driftgate(*arguments).code == 2


def test_a_command_that_is_misspelt_is_suggested(driftgate) -> None:
    assert "evaluate" in driftgate("evalaute").err


NEEDS_PROJECT = [
    command for command in COMMANDS if command[0] in {"train", "check", "compare", "scenario", "version", "metrics"}
]


@pytest.mark.parametrize("command", NEEDS_PROJECT, ids=" ".join)
def test_a_project_that_is_absent_is_one_sentence_with_a_remedy(driftgate, command: tuple[str, ...]) -> None:
    needed = {"activate": ["1"]}.get(command[-1], [])
    done = driftgate(*command, *needed, "--project", "nowhere/", "--json")
    assert done.code == 2
    assert done.document["error"]["type"] == "ProjectFileError"
    assert "driftgate init" in done.document["error"]["message"]
    unknown = driftgate(*command, *needed, "--project", "nowhere")
    assert unknown.code == 2
    assert unknown.out == ""
    assert "There is no project 'nowhere'" in unknown.words
    assert "Traceback" not in unknown.words


def test_an_error_nobody_foresaw_is_one_sentence_and_its_traceback_is_in_a_file(
    driftgate, home: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(reference: object) -> None:
        raise ZeroDivisionError("no [bold]way[/bold]")

    monkeypatch.setattr(project_commands.record, "find_project", break_down)
    done = driftgate("project", "show")
    assert done.code == 1
    assert done.out == ""
    assert "ZeroDivisionError: no [bold]way[/bold]" in done.words
    assert "Traceback" not in done.err
    (kept,) = (home / ".driftgate" / "tracebacks").iterdir()
    assert kept.name in done.words
    assert "Traceback" in kept.read_text()
    document = driftgate("project", "show", "--json").document
    assert document["error"]["type"] == "ZeroDivisionError"


def test_what_a_library_prints_never_stands_beside_the_document(
    driftgate, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = project_commands.record.find_project

    def noisy(reference: str | None):
        sys.stdout.write("hello from a library\n")
        return before(reference)

    monkeypatch.setattr(project_commands.record, "find_project", noisy)
    done = driftgate("project", "show", "--json")
    assert done.document["project"] == "loans"
    assert "hello" in done.err


def test_ctrl_c_is_no_traceback(driftgate, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(reference: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(project_commands.record, "find_project", stop)
    done = driftgate("project", "show", "--json")
    assert done.code == 130
    assert done.document["error"]["type"] == "Interrupted"


def test_a_database_that_can_not_be_opened_is_a_sentence_without_its_password(
    driftgate, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIFTGATE_DATABASE_URL", "postgresql://me:geheim@127.0.0.1:1/nothing")
    done = driftgate("version", "list", "--json")
    assert done.code == 1
    assert "DRIFTGATE_DATABASE_URL" in done.document["error"]["message"]
    assert "geheim" not in done.words


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://me:geheim@host/name", "driftgate has no driver for 'mysql'"),
        ("postgresql+psycopg2://me:geheim@host/name", "driftgate has no driver for 'postgresql+psycopg2'"),
        ("me:geheim@host/name", "it is no address of a database"),
        ("nonsense", "it is no address of a database"),
    ],
)
def test_an_address_of_no_database_we_know_is_a_sentence_without_its_password(
    driftgate, project: Path, monkeypatch: pytest.MonkeyPatch, url: str, problem: str
) -> None:
    monkeypatch.setenv("DRIFTGATE_DATABASE_URL", url)
    settings.cache_clear()
    done = driftgate("version", "list", "--json")
    assert done.code == 1
    assert done.document["error"]["message"].startswith(f"DRIFTGATE_DATABASE_URL: {problem}; write postgresql://")
    assert "geheim" not in done.words


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_may_be_written_in_every_usual_way(scheme: str) -> None:
    assert Settings(database_url=SecretStr(f"{scheme}://u:p@h/n")).database == "postgresql+psycopg://u:p@h/n"


@pytest.mark.parametrize("command", [("train",), ("version", "list"), ("evaluate", "drift")], ids=" ".join)
def test_a_home_that_is_a_file_is_one_sentence(
    driftgate, project: Path, home: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    (home / "file").touch()
    monkeypatch.setenv("DRIFTGATE_HOME", str(home / "file"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    settings.cache_clear()
    done = driftgate(*command, "--json")
    assert done.code == 1
    message = done.document["error"]["message"]
    assert str(home / "file") in message
    assert "DRIFTGATE_HOME" in message
    assert "did not foresee" not in message


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied", "/srv/artifacts"),
            "/srv/artifacts: permission denied; see to its permissions, or set DRIFTGATE_HOME.",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "A file can't be written: no space left on device; make room on its disk, or set DRIFTGATE_HOME.",
        ),
        (
            OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full")),
            "The database can't be written (database or disk is full); see to its disk",
        ),
    ],
)
def test_what_the_operator_can_mend_is_one_sentence(
    driftgate, home: Path, project: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    def break_down(reference: object) -> None:
        raise error

    monkeypatch.setattr(project_commands.record, "find_project", break_down)
    done = driftgate("project", "show", "--json")
    assert done.code == 1
    assert done.document["error"]["message"].startswith(sentence)
    assert not (home / ".driftgate" / "tracebacks").exists()


def test_a_command_that_is_told_to_stop_answers_with_one_document_too(home: Path, project: Path) -> None:
    code = """
import os, signal, sys
from deployments.cli import main, record
record.find_project = lambda reference: os.kill(os.getpid(), signal.SIGTERM)
sys.argv = ["driftgate", "project", "show", "--json"]
main.main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 143
    assert json.loads(done.stdout)["error"]["type"] == "Interrupted"
    assert done.stderr == ""


@pytest.mark.parametrize("module", ["deployments.cli", "deployments.cli.main"])
def test_the_command_line_is_a_module_too(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("driftgate 0.")


def test_the_console_script_says_which_version_it_is() -> None:
    script = Path(sys.executable).with_name("driftgate")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("driftgate 0.")


def test_a_reader_that_goes_away_is_no_error(home: Path) -> None:
    script = Path(sys.executable).with_name("driftgate")
    process = subprocess.Popen([script, "project", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.wait()


def test_json_never_has_numbers_that_json_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    from deployments.cli.answer import print_document

    print_document({"a": float("nan"), "b": [float("inf"), 1.5], "c": Path("x"), "d": ("é", None, True)}, sys.stdout)
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": "x", "d": ["é", None, True]}
