"""Who stands behind a request: a bearer token, or the cookie of somebody who has logged in."""

from __future__ import annotations

import hashlib
import hmac
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from governance import people
from governance.authorisation import has_users
from governance.database import transaction
from governance.errors import NotLoggedIn
from governance.web.installation import Installation, installation_of
from governance.web.problems import Refusal, RequestRefused

CSRF_HEADER: Final = "X-CSRF-Token"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_LOG: Final = logging.getLogger("driftgate.web")

_REMEMBERED: Final = 10_000

_PATIENCE_SECONDS: Final = 0.25
"""With whoever writes, before the use of a token goes unrecorded: who only reads must not wait for them."""

_NO_USERS: Final = "create an administrator with 'driftgate user create-admin'"
_LOG_IN: Final = "log in, or send an API token as 'Authorization: Bearer …'"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows.

    Args:
        secret: An API token, or the secret of a log-in.
        from_cookie: Whether the browser sent it by itself, so that it proves nothing about who wanted the request.
    """

    secret: str
    from_cookie: bool


def cookie_name(house: Installation) -> str:
    """Name of the cookie of a log-in; over TLS one that no other host can set."""
    return "__Host-driftgate" if house.secure else "driftgate"


def csrf_token(house: Installation, secret: str) -> str:
    """What a page must send with every write besides the cookie; it belongs to one log-in."""
    return hmac.new(house.key_for("cross-site requests"), secret.encode(), hashlib.sha256).hexdigest()


def credentials_of(request: Request) -> Credentials | None:
    """What a request shows, if anything; a header goes before a cookie.

    Raises:
        RequestRefused: it writes, its only credentials are a cookie, and nothing shows that our own page sent it.
    """
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret.strip():
        return Credentials(secret.strip(), from_cookie=False)
    house = installation_of(request)
    cookie = request.cookies.get(cookie_name(house))
    if not cookie:
        return None
    if request.method not in SAFE_METHODS:
        require_same_site(request)
        shown = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(shown.encode(), csrf_token(house, cookie).encode()):
            raise RequestRefused(
                Refusal.CROSS_SITE,
                f"A write with a cookie needs the header {CSRF_HEADER}, as GET /api/v1/me gives it; send it.",
            )
    return Credentials(cookie, from_cookie=True)


def require_same_site(request: Request) -> None:
    """Refuse what a browser says another site has sent. Raises: RequestRefused."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    ours = {request.headers.get("host", ""), urlsplit(installation_of(request).settings.public_url).netloc}
    if site not in {"same-origin", "none"} or (origin is not None and urlsplit(origin).netloc not in ours):
        raise RequestRefused(Refusal.CROSS_SITE, "Another site has sent this request; send it from driftgate itself.")


def not_logged_in(session: Session) -> NotLoggedIn:
    """The refusal of a request that shows nothing."""
    if not has_users(session):
        return NotLoggedIn("this installation has no users yet, and answers nobody", _NO_USERS)
    return NotLoggedIn("the request does not say who you are", _LOG_IN)


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return "" if request.client is None else request.client.host


def note_use(house: Installation, shown: Credentials, at: datetime) -> None:
    """Remember that a token was used, every few minutes, in a transaction that keeps no act waiting."""
    key = hashlib.sha256(shown.secret.encode("utf-8", "surrogatepass")).hexdigest()
    last = house.uses.get(key)
    if shown.from_cookie or (last is not None and last <= at < last + people.USE_KEPT_FOR):
        return
    if len(house.uses) >= _REMEMBERED:
        house.uses.clear()
    house.uses[key] = at
    try:
        with transaction(house.engine, patience=_PATIENCE_SECONDS) as session:
            people.note_use(session, shown.secret, at=at)
    except SQLAlchemyError:
        _LOG.exception("that a token was used is not on record")


def set_cookie(response: Response, house: Installation, secret: str, *, seconds: int) -> None:
    """Have a browser keep a log-in where no script can read it."""
    response.set_cookie(
        cookie_name(house), secret, max_age=seconds, path="/", secure=house.secure, httponly=True, samesite="strict"
    )


def drop_cookie(response: Response, house: Installation) -> None:
    """Have a browser forget a log-in."""
    response.delete_cookie(cookie_name(house), path="/", secure=house.secure, httponly=True, samesite="strict")
