"""A bundle that came from elsewhere: looked at from the outside to the inside, and nothing of it is believed.

The names and sizes of all members come first, then the manifest, then the hash of every byte. Nothing is unpacked by
the archive library: files are written under names from a checked manifest, as plain files.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from pydantic import ValidationError

from governance.artifacts import canonical_json
from governance.bundles.exporting import MANIFEST
from governance.bundles.manifest import CONFIGURATION, BundleManifest, first_problem, problem_of_name
from governance.errors import UnreadableFile

_REMEDY: Final = "export it again with 'driftgate bundle export'"

_ENCRYPTED: Final = 0x1

_BROKEN: Final = (
    BadZipFile,
    EOFError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    RuntimeError,
    ValueError,
    struct.error,
)
"""What Python's reader of archives raises at bytes that are none."""

_END: Final = struct.Struct("<4s4xHHII2s")
_END_64: Final = struct.Struct("<4s20xQQQQ")
_LOCATOR_64: Final = struct.Struct("<4s4xQ4x")
_ENTRY: Final = struct.Struct("<4s24xHHH12x")
"""Parts of the directory of an archive. Source: APPNOTE.TXT, 4.3.12 to 4.3.16."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is more than this is no bundle.

    Args:
        members: Files in it.
        manifest_bytes: Size of its manifest.
        configuration_bytes: Size of each file of the configuration.
        file_bytes: Size of each other file.
    """

    members: int = 10_000
    manifest_bytes: int = 64 << 20
    configuration_bytes: int = 1 << 20
    file_bytes: int = 8 << 30


@dataclass(frozen=True, slots=True)
class Opened:
    """An exported bundle whose manifest is right; its files may not be.

    Args:
        file: It came in.
        archive: With exactly the members that the manifest names.
        plain: The manifest, as JSON has it.
        manifest: What it says it is; every digest in it fits.
        digest: SHA-256 of the manifest.
    """

    file: Path
    archive: ZipFile
    plain: Mapping[str, Any]
    manifest: BundleManifest
    digest: str

    def verify(self) -> None:
        """Hash every file. Raises: UnreadableFile when one is not what the manifest says."""
        for name, sha256 in self.manifest.files.items():
            with self.opening(name) as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # it has readinto
            if found != sha256:
                problem = f"{name} is not what its manifest says (expected {sha256}, found {found})"
                raise UnreadableFile(self.file, problem, _REMEDY)

    @contextmanager
    def opening(self, name: str) -> Iterator[IO[bytes]]:
        """A file of it, to read."""
        with _told_of(self.file), self.archive.open(name) as stream:
            yield stream


@contextmanager
def opened(file: Path, limits: Limits) -> Iterator[Opened]:
    """Open an exported bundle, and read its manifest.

    Args:
        file: Of anybody.
        limits: What is more is refused before it is read.

    Raises:
        UnreadableFile: it is not what an export writes; it says why.
    """
    with ExitStack() as stack:
        with _told_of(file):
            _require_few_members(file, limits)
            archive = stack.enter_context(ZipFile(file))
            _require_plain_members(file, archive, limits)
            spelled = archive.read(MANIFEST)
        plain = _spelled_canonically(file, spelled)
        try:
            manifest = BundleManifest.model_validate_json(spelled)
        except ValidationError as wrong:
            raise UnreadableFile(file, f"{MANIFEST}: {first_problem(wrong)}", _REMEDY) from wrong
        members = {member.filename for member in archive.infolist()} - {MANIFEST}
        for name in sorted(members ^ manifest.files.keys()):
            problem = f"{name} is not in its manifest" if name in members else f"{name} is missing"
            raise UnreadableFile(file, problem, _REMEDY)
        yield Opened(file, archive, plain, manifest, hashlib.sha256(spelled).hexdigest())


def _spelled_canonically(file: Path, spelled: bytes) -> dict[str, Any]:
    """The manifest as JSON has it, if nothing else could be read out of it: no field twice, no number of another spelling."""
    try:
        plain: dict[str, Any] = json.loads(spelled)
        if canonical_json(plain) == spelled:
            return plain
    except (ValueError, RecursionError):
        pass
    raise UnreadableFile(file, f"{MANIFEST} is not spelled as an exported one is", _REMEDY)


def _require_few_members(file: Path, limits: Limits) -> None:
    """Count the members in the directory before the archive library makes something of each. Raises: UnreadableFile."""
    with file.open("rb") as stream:
        declared, start, end = _directory_of(stream)
        if declared > limits.members:
            raise UnreadableFile(file, f"it has {declared:,} members, and a bundle at most {limits.members:,}", _REMEDY)
        found = 0
        while start < end and found <= declared:
            stream.seek(start)
            sign, name, extra, comment = _ENTRY.unpack(stream.read(_ENTRY.size))
            if sign != b"PK\x01\x02":
                raise BadZipFile("its directory is none")
            start += _ENTRY.size + name + extra + comment
            found += 1
    if found != declared or start != end:
        raise BadZipFile("its directory has other members than it says")


def _directory_of(stream: IO[bytes]) -> tuple[int, int, int]:
    """How many members there are, and where their directory begins and ends, if the archive ends as an exported one."""
    place = stream.seek(0, os.SEEK_END) - _END.size
    tail = max(0, place - _LOCATOR_64.size - _END_64.size)
    stream.seek(tail)
    ending = stream.read()
    sign, here, members, size, offset, comment = _END.unpack(ending[-_END.size :])
    if sign != b"PK\x05\x06" or comment != b"\0\0":
        raise BadZipFile("it does not end as an exported one")
    located = ending[: -_END.size][-_LOCATOR_64.size :]
    if located.startswith(b"PK\x06\x07"):
        place -= _LOCATOR_64.size + _END_64.size
        sign, here, members, size, offset = _END_64.unpack(ending[: _END_64.size])
        if sign != b"PK\x06\x06" or _LOCATOR_64.unpack(located)[1] != place:
            raise BadZipFile("it does not end as an exported one")
    if here != members or offset + size != place:
        raise BadZipFile("its directory is not where it says")
    return members, offset, place


def _require_plain_members(file: Path, archive: ZipFile, limits: Limits) -> None:
    """Refuse everything that could be more, or something else, than a plain file in its place."""
    members = archive.infolist()
    if len(members) > limits.members:
        raise UnreadableFile(file, f"it has {len(members):,} members, and a bundle at most {limits.members:,}", _REMEDY)
    names: set[str] = set()
    for member in members:
        problem = "it is there twice" if member.filename in names else _problem_of(member, limits)
        if problem:
            raise UnreadableFile(file, f"{member.orig_filename!a}: {problem}", _REMEDY)
        names.add(member.filename)
    if MANIFEST not in names:
        raise UnreadableFile(file, f"it is no bundle: there is no {MANIFEST}", _REMEDY)
    if sum(member.file_size for member in members) > file.stat().st_size:
        raise UnreadableFile(file, "its members lie on top of each other", _REMEDY)


def _problem_of(member: ZipInfo, limits: Limits) -> str:
    if member.orig_filename != member.filename:
        return "it has two names"
    if problem := problem_of_name(member.filename):
        return problem
    if stat.S_IFMT(member.external_attr >> 16) not in {0, stat.S_IFREG}:
        return "it is a link or a device, and no plain file"
    if member.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    if member.compress_type != ZIP_STORED or member.compress_size != member.file_size:
        return "it is compressed, which nothing in a bundle is"
    most = limits.file_bytes
    if member.filename == MANIFEST:
        most = limits.manifest_bytes
    elif member.filename.startswith(f"{CONFIGURATION}/"):
        most = limits.configuration_bytes
    return f"it has {member.file_size:,} bytes, and may have {most:,}" if member.file_size > most else ""


@contextmanager
def _told_of(file: Path) -> Iterator[None]:
    """Say in one sentence what is wrong with an archive that can't be read."""
    try:
        yield
    except OSError as error:
        raise UnreadableFile(
            file, f"it can't be read ({error.strerror or error})", "name an exported bundle"
        ) from error
    except _BROKEN as error:
        problem = f"it is no ZIP archive, or damaged ({' '.join(str(error).split()) or type(error).__name__})"
        raise UnreadableFile(file, problem, _REMEDY) from error
