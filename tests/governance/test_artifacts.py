"""A folder of the artifact store is there as a whole, or not at all."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.artifacts import (
    canonical_json,
    digest,
    file_sha256,
    open_recorded,
    read_verified,
    sweep,
    write_file,
    write_folder,
)
from governance.errors import ContentAltered

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_a_written_folder_is_in_place_with_everything_in_it(tmp_path: Path) -> None:
    with write_folder(tmp_path, "credit/fraud/1") as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_text("x")
        assert not (tmp_path / "credit/fraud/1").exists()
    assert (tmp_path / "credit/fraud/1/inner/file").read_text() == "x"
    assert [path.name for path in (tmp_path / "credit/fraud").iterdir()] == ["1"]


def test_after_an_exception_nothing_remains(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), write_folder(tmp_path, "credit/1") as folder:
        (folder / "file").write_text("half")
        raise KeyboardInterrupt
    assert list((tmp_path / "credit").iterdir()) == []


def test_what_is_there_already_is_never_overwritten(tmp_path: Path) -> None:
    with write_folder(tmp_path, "1") as folder:
        (folder / "file").write_text("first")
    with pytest.raises(FileExistsError), write_folder(tmp_path, "1"):
        pass
    with pytest.raises(OSError, match="not empty"), write_folder(tmp_path, "2") as folder:
        (folder / "file").write_text("late")
        (tmp_path / "2").mkdir()
        (tmp_path / "2" / "file").write_text("first")
    assert [(tmp_path / name / "file").read_text() for name in "12"] == ["first", "first"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]


def test_the_temporary_of_a_killed_writer_is_swept_and_that_of_a_live_one_is_not(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from governance.artifacts import write_folder\n"
        "with write_folder(Path(sys.argv[1]), 'credit/dead') as folder:\n"
        "    (folder / 'half').write_text('x'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, env={"PYTHONPATH": str(Path.cwd())})
    (left,) = (tmp_path / "credit").iterdir()
    with write_folder(tmp_path, "credit/live") as folder:
        (folder / "file").write_text("x")
        assert sweep(tmp_path) == [left]
    assert [path.name for path in (tmp_path / "credit").iterdir()] == ["live"]


def test_a_written_file_is_in_place_as_a_whole_and_replaces_one_of_its_name(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        file = write_file(tmp_path, "files/ab/abc", content)
        assert file == tmp_path / "files/ab/abc"
        assert file.read_bytes() == content
        assert [*file.parent.iterdir()] == [file]
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_file_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "name").mkdir()
    with pytest.raises(OSError, match="name"):
        write_file(tmp_path, "name", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


def test_what_a_killed_attach_leaves_is_swept(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from governance import artifacts; from governance.workflow import filing\n"
        "artifacts.os.fsync = lambda handle: os._exit(9)\n"
        "filing.store(Path(sys.argv[1]), b'half')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], check=False, env={"PYTHONPATH": str(Path.cwd())}
    )
    assert done.returncode == 9
    (left,) = (path for path in tmp_path.rglob("*") if path.is_file())
    kept = write_file(left.parent.parent, f"{left.parent.name}/kept", b"x")
    assert sweep(tmp_path) == [left]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [kept]


def test_temporaries_of_other_machines_and_other_folders_are_left_alone(tmp_path: Path) -> None:
    for name in (".1~elsewhere~1~abc.partial", ".mine.partial", f".1~{socket.gethostname()}~x~abc.partial"):
        (tmp_path / name).mkdir()
    assert sweep(tmp_path) == []
    assert sweep(tmp_path / "absent") == []


def test_the_temporary_of_a_process_number_used_again_is_swept(tmp_path: Path) -> None:
    old = tmp_path / f".1~{socket.gethostname()}~{os.getpid()}~abc.partial"
    old.mkdir()
    os.utime(old, (1_000_000_000, 1_000_000_000))
    assert sweep(tmp_path) == [old]


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    assert file_sha256(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@given(JSON)
@settings(max_examples=40, deadline=None)
def test_a_digest_survives_json(content: object) -> None:
    import json

    assert digest(json.loads(json.dumps(content))) == digest(content)
    assert digest(json.loads(canonical_json(content))) == digest(content)


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_a_digest_does_not_depend_on_the_order_of_keys(content: dict[str, int]) -> None:
    assert digest(dict(reversed(content.items()))) == digest(content)


def test_what_is_no_number_has_no_canonical_form() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"value": float("nan")})


def in_the_way(kind: str, file: Path) -> None:
    """Something in the place of a file whose bytes, if there were any to be had, would be right."""
    right = file.with_name("right")
    right.write_bytes(b"right")
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "link":
            file.symlink_to(right)
        case "folder":
            file.mkdir()
        case "socket":
            with socket.socket(socket.AF_UNIX) as one:
                one.bind(str(file))
        case "device":
            file.symlink_to("/dev/zero")


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "socket", "device"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the address of a socket is short
    file, sha256 = Path("model.skops"), hashlib.sha256(b"right").hexdigest()
    in_the_way(kind, file)
    with pytest.raises(OSError, match="not a regular file"):
        file_sha256(file)
    for read in (read_verified, open_recorded):
        with pytest.raises(ContentAltered, match="not a regular file"):
            read(file, sha256)
