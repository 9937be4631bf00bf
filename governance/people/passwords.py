"""Passwords: what can be one, how it is kept, and whether one is right."""

from __future__ import annotations

import secrets
import unicodedata
from typing import TYPE_CHECKING, Final

from governance.errors import UnusableValue

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST: Final = 12
LONGEST: Final = 1000

NOBODYS: Final = "$argon2id$v=19$m=65536,t=3,p=4$lrD9JIKWd4Ef9NjGW3fYjA$U++QhcI0L+nyTWy1DBSHuFeFYDBdbdN9M3apmUvopjI"
"""The hash of a random password that nobody knows: checked in the place of one that is not there, since a wrong name
must take as long as a wrong password."""


def hash_of(password: str, name: str) -> str:
    """A password as it is kept: Argon2id with the parameters of RFC 9106 for machines with little memory.

    Args:
        password: 12 to 1,000 characters.
        name: Of its user; the password must be another.

    Raises:
        UnusableValue: it can't be a password.
    """
    plain = _as_bytes(password)
    if plain is None or not SHORTEST <= len(password) <= LONGEST:
        problem = f"it must have {SHORTEST} to {LONGEST:,} characters"
        raise UnusableValue("password", problem, "choose another; four random words are a good one")
    if password.casefold() == name.casefold() or len(set(password)) == 1:
        raise UnusableValue("password", "it is the first that somebody would try", "choose another")
    return _hasher().hash(plain)


def is_right(password_hash: str | None, password: str) -> bool:
    """Whether a password is the one that was kept; takes as long when none was kept."""
    from argon2.exceptions import InvalidHashError, VerificationError

    plain = _as_bytes(password)
    comparable = plain if plain is not None and len(password) <= LONGEST else b""
    try:
        right = _hasher().verify(password_hash or NOBODYS, comparable)
    except (VerificationError, InvalidHashError):
        return False
    return right and password_hash is not None and comparable == plain


def is_outdated(password_hash: str) -> bool:
    """Whether a password was kept with parameters that are no longer ours."""
    return _hasher().check_needs_rehash(password_hash)


def kept_anew(password: str) -> str:
    """A password that is right, kept with the parameters of today."""
    return _hasher().hash(_as_bytes(password) or b"")


def new_password() -> str:
    """A random password that people can read out: 100 bits in five groups of four letters and digits."""
    alphabet = "abcdefghijkmnopqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(5))


def _as_bytes(password: str) -> bytes | None:
    """A password however it was typed: an accented letter is the same on every keyboard."""
    try:
        return unicodedata.normalize("NFKC", password).encode()
    except UnicodeEncodeError:
        return None


def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()
