"""The people of the demo: made once, with passwords in a file, and logged in when it is their turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from deployments.cli import log_in
from governance.errors import NotFound, NotLoggedIn
from governance.vocabulary import Actor, Origin
from tasks import edge

if TYPE_CHECKING:
    from sqlmodel import Session

    from governance.tables import User

FILE_NAME = "demo_people.txt"


@dataclass
class Cast:
    """Who acts in the demo.

    Args:
        file: Has the passwords, readable for its owner only.
        passwords: By name.
        administrator: Who makes the others, and makes the project known; none: whoever is logged in at this home.
        secrets: Of those who have acted.
    """

    file: Path
    passwords: dict[str, str]
    administrator: str | None = None
    secrets: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def acting(self, name: str | None) -> Iterator[None]:
        """Inside, this person acts, known by a log-in of their own; none: whoever is logged in at this home."""
        if name is None:
            yield
            return
        if name not in self.secrets:
            if name not in self.passwords:
                problem = f"the demo acts as {name}, who is a user already, and {self.file} has no password of theirs"
                raise NotLoggedIn(problem, "run it in a home of its own: DRIFTGATE_HOME=my_demo driftgate demo")
            self.secrets[name] = log_in.proved(name, self.passwords[name]).secret
        with edge.known_by(self.secrets[name]):
            yield


def gather(names: Sequence[str]) -> Cast:
    """Make sure that everybody the demo needs is known, and that somebody is logged in at this home.

    Where nobody is known yet, the user of the settings becomes the administrator. Their passwords are made up and
    written down before they are used, so that a demo that was killed can be told again.

    Args:
        names: Of the people of the project.

    Raises:
        NotLoggedIn: somebody is known already, and neither the file nor a log-in lets the demo go on.
        NotAllowed: who is logged in may not make users.
    """
    from governance import authorisation, people
    from governance.settings import settings, write_for_owner

    cast = Cast(settings().home.resolve() / FILE_NAME, {})
    if cast.file.exists():
        lines = cast.file.read_text(encoding="utf-8").splitlines()
        cast.passwords = dict(line.split() for line in lines if line and not line.startswith("#"))
    with edge.reading() as session:
        first = not authorisation.has_users(session)
        missing = [name for name in dict.fromkeys([settings().user, *names]) if _find(session, name) is None]
        administrators = people.administrators(session)
    if not first:
        missing = [name for name in missing if name in names]
    if missing:
        cast.passwords |= {name: people.new_password() for name in missing if name not in cast.passwords}
        head = "# The people of the demo, and their passwords. Log in with: driftgate log-in NAME"
        rows = [f"{name} {password}" for name, password in cast.passwords.items()]
        write_for_owner(cast.file, "\n".join([head, *rows]) + "\n")
    if first:
        cast.administrator = settings().user
        with edge.transaction() as session:
            actor = Actor(cast.administrator, Origin.COMMAND)
            password = cast.passwords[cast.administrator]
            people.create_administrator(session, cast.administrator, password=password, actor=actor, at=edge.now())
    else:
        cast.administrator = next((name for name in cast.passwords if name in administrators), None)
    with cast.acting(cast.administrator):
        _make(cast, [name for name in missing if name != cast.administrator])
    if cast.administrator is not None:
        _stay_logged_in(cast.administrator, cast.passwords[cast.administrator])
    return cast


def _make(cast: Cast, names: Sequence[str]) -> None:
    from governance import people

    actor = edge.acting(None, Origin.COMMAND)
    for name in names:
        with edge.transaction() as session:
            people.create_user(session, name, password=cast.passwords[name], actor=actor, at=edge.now())


def _stay_logged_in(name: str, password: str) -> None:
    """Log the administrator in at this home, unless somebody is."""
    try:
        edge.acting(None, Origin.COMMAND)
    except NotLoggedIn:
        log_in.begin(name, password)


def _find(session: Session, name: str) -> User | None:
    from governance import people

    try:
        return people.find_user(session, name)
    except NotFound:
        return None
