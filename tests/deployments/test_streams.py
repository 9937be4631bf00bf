"""Standard streams that are full or closed: one sentence where it can go, an exit code, and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from governance.errors import UnusableValue
from governance.settings import Settings, make_for_owner, write_for_owner

DRIFTGATE = Path(sys.executable).with_name("driftgate")
FULL = "A file can't be written: no space left on device"
CLOSED = "The answer can't be written: bad file descriptor; see to standard output."


def in_the_shell(home: Path, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a shell makes of ``driftgate`` and the rest of a line."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DRIFTGATE_")}
    return subprocess.run(
        ["/bin/sh", "-c", f"exec {DRIFTGATE} {line}"],
        env=clean | {"DRIFTGATE_HOME": str(home), "COLUMNS": "300"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", ["template list", "template list --json", "--version", "--help"])
@pytest.mark.parametrize(("stream", "sentence"), [(">/dev/full", FULL), (">&-", CLOSED)])
def test_an_answer_that_can_not_be_written_is_a_failure_in_one_sentence(
    tmp_path: Path, command: str, stream: str, sentence: str
) -> None:
    done = in_the_shell(tmp_path, f"{command} {stream}")
    assert done.returncode == 1
    assert done.stderr.startswith(f"✗ {sentence}")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "tracebacks").exists()


@pytest.mark.parametrize("stream", [">/dev/full", ">&-"])
def test_a_refusal_that_can_not_be_a_document_is_a_sentence(tmp_path: Path, stream: str) -> None:
    done = in_the_shell(tmp_path, f"template nonsense --json {stream}")
    assert (done.returncode, done.stderr) == (2, "✗ No such command 'nonsense'.\n")


@pytest.mark.parametrize("streams", [">&- 2>&-", ">/dev/full 2>/dev/full", "<&- >&- 2>&-"])
def test_where_nobody_can_be_told_the_exit_code_still_says_it(tmp_path: Path, streams: str) -> None:
    assert in_the_shell(tmp_path, f"template list --json {streams}").returncode == 1


@pytest.mark.parametrize("stream", ["<&-", "</dev/null"])
def test_a_password_that_does_not_come_is_asked_for_in_a_sentence(tmp_path: Path, stream: str) -> None:
    done = in_the_shell(tmp_path, f"user create-admin ada --password-stdin {stream}")
    assert done.returncode == 2
    assert done.stderr.startswith("✗ password: standard input ended before it;")


@pytest.mark.parametrize("key", ["", "fifteen letters"])
def test_a_key_that_somebody_could_guess_seals_nothing(tmp_path: Path, key: str) -> None:
    done = in_the_shell(tmp_path / "home", "template list", DRIFTGATE_AUDIT_KEY=key)
    assert done.returncode == 2
    assert f"DRIFTGATE_AUDIT_KEY: a key of {len(key)} bytes seals no audit trail" in done.stderr
    assert not (tmp_path / "home").exists()


def test_a_file_of_the_key_that_was_cut_off_seals_nothing(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    key = settings.audit_key_bytes
    assert len(key) == 64
    (tmp_path / "audit.key").write_bytes(key[:15])
    with pytest.raises(UnusableValue, match="a key of 15 bytes"):
        _ = settings.audit_key_bytes
    (tmp_path / "audit.key").write_bytes(key[:16])
    assert settings.audit_key_bytes == key[:16]


def test_a_folder_is_made_for_its_owner_only_and_what_is_there_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_for_owner(tmp_path / "home" / "prefect")
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path, tmp_path / "home", tmp_path / "home" / "prefect")]
    assert modes == [0o755, 0o700, 0o700]
    make_for_owner(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_secret_that_can_not_be_put_in_its_place_is_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    with pytest.raises(IsADirectoryError):
        write_for_owner(tmp_path / "secret", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
