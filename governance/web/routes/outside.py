"""Logging in at the OpenID Connect provider. What has begun is remembered by the browser, signed, and not by us."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Query, Response
from starlette.requests import Request
from starlette.responses import RedirectResponse

from governance import people
from governance.database import transaction
from governance.errors import NotFound, NotLoggedIn
from governance.people import outside_subject, user_of_subject
from governance.vocabulary import Origin
from governance.web.credentials import address_of
from governance.web.installation import Installation, installation_of
from governance.web.outside import Begun, Provider
from governance.web.routes.sessions import LoggedInTold, let_in
from governance.web.routing import Routes, documented
from governance.web.storable import require_storable

ROUTES: Final = Routes("OpenID Connect", "Logging in at the provider that the settings name, if they name one.")

REFUSED: Final = documented(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.INSUFFICIENT_STORAGE,
)

COOKIE: Final = "driftgate_oidc"
PATH: Final = "/api/v1/oidc"
TIME_FOR_IT: Final = timedelta(minutes=10)

_BEGIN_AGAIN: Final = "begin the log-in again at /api/v1/oidc/log-in"

Said = Annotated[str | None, Query(max_length=4000)]


@ROUTES.router.get(
    "/oidc/log-in",
    status_code=HTTPStatus.FOUND,
    response_class=RedirectResponse,
    tags=[ROUTES.noun],
    operation_id="begin_outside_log_in",
    summary="Begin a log-in at the provider",
    responses=REFUSED,
    openapi_extra={"security": []},
)
def begin(request: Request) -> Response:
    """Send the browser to the provider."""
    house = installation_of(request)
    begun = _provider(house).begin()
    response = RedirectResponse(begun.address, HTTPStatus.FOUND)
    response.set_cookie(
        COOKIE,
        remembered(house, begun, house.clock()),
        max_age=int(TIME_FOR_IT.total_seconds()),
        path=PATH,
        secure=house.secure,
        httponly=True,
        samesite="lax",  # the browser comes back from another site
    )
    return response


@ROUTES.router.get(
    "/oidc/callback",
    tags=[ROUTES.noun],
    operation_id="end_outside_log_in",
    summary="End a log-in at the provider",
    response_model=LoggedInTold,
    responses=REFUSED,
    openapi_extra={"security": []},
)
def end(
    request: Request, response: Response, code: Said = None, state: Said = None, error: Said = None
) -> LoggedInTold:
    """Where the provider sends the browser back; it is logged in afterwards, by a cookie."""
    house = installation_of(request)
    provider = _provider(house)
    require_storable([code, state, error], "query")
    begun = recalled(house, request.cookies.get(COOKIE, ""), house.clock())
    if begun is None or not hmac.compare_digest(begun["state"].encode(), (state or "").encode()):
        raise NotLoggedIn("this log-in was not begun here, or took too long", _BEGIN_AGAIN)
    if error is not None or code is None:
        raise NotLoggedIn("the OpenID Connect provider lets nobody in", _BEGIN_AGAIN)
    somebody = provider.end(code, nonce=begun["nonce"], verifier=begun["verifier"])
    at = house.clock()
    with transaction(house.engine) as session:
        user = user_of_subject(
            session,
            outside_subject(somebody.issuer, somebody.subject),
            name=somebody.name,
            full_name=somebody.full_name,
            email=somebody.email,
            at=at,
        )
        known = people.begin_log_in(session, user, address=address_of(request), at=at, origin=Origin.API)
    response.delete_cookie(COOKIE, path=PATH, secure=house.secure, httponly=True, samesite="lax")
    return let_in(house, response, known, cookie=True)


def remembered(house: Installation, begun: Begun, at: datetime) -> str:
    """What has begun, with its end, as a browser keeps it: it can be read there, and not changed."""
    until = (at + TIME_FOR_IT).timestamp()
    said = {"state": begun.state, "nonce": begun.nonce, "verifier": begun.verifier, "until": until}
    text = base64.urlsafe_b64encode(json.dumps(said).encode()).decode()
    return f"{text}.{_seal(house, text)}"


def recalled(house: Installation, kept: str, at: datetime) -> dict[str, Any] | None:
    """What a browser has kept; none when it is not ours, or too old."""
    text, _, seal = kept.rpartition(".")
    if not text or not hmac.compare_digest(seal.encode(), _seal(house, text).encode()):
        return None
    said: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text))
    return said if at < datetime.fromtimestamp(said["until"], tz=UTC) else None


def _seal(house: Installation, text: str) -> str:
    return hmac.new(house.key_for("log-ins outside"), text.encode(), hashlib.sha256).hexdigest()


def _provider(house: Installation) -> Provider:
    if house.provider is None:
        remedy = "set DRIFTGATE_OIDC_ISSUER and DRIFTGATE_OIDC_CLIENT_ID, or log in with a password"
        raise NotFound("OpenID Connect provider", "", (), remedy)
    return house.provider
