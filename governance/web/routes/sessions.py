"""Logging in and out, and who you are."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Response
from pydantic import Field
from sqlmodel import Session
from starlette.requests import Request

from governance import people
from governance.authorisation import Standing, has_users, standing_of
from governance.database import transaction
from governance.people import LoggedIn, Refusal
from governance.vocabulary import Origin, Right, Role
from governance.web.credentials import (
    address_of,
    credentials_of,
    csrf_token,
    drop_cookie,
    not_logged_in,
    require_same_site,
    set_cookie,
)
from governance.web.documents import Sent, Told, example
from governance.web.installation import Installation, installation_of
from governance.web.routing import Act, Routes, documented
from governance.web.storable import require_storable

ROUTES: Final = Routes("sessions", "Logging in with a password, logging out, and who you are.")

REFUSED: Final = documented(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.INSUFFICIENT_STORAGE,
)


class LogInSent(Sent):
    """Name and password."""

    model_config = example(name="will", password="correct horse battery staple", cookie=False)  # noqa: S106

    name: Annotated[str, Field(max_length=300)]
    password: Annotated[str, Field(max_length=2000)]
    cookie: bool = Field(default=False, description="Keep the secret in a cookie that no script can read.")


class LoggedInTold(Told):
    """Somebody who is known now."""

    user: str
    secret: str | None = Field(description="Send it as 'Authorization: Bearer'; null when it is in a cookie.")
    csrf_token: str = Field(description="Send it as X-CSRF-Token with every write, if the secret is in a cookie.")
    expires_at: datetime


class MeTold(Told):
    """Who you are."""

    name: str
    full_name: str
    email: str
    scope: list[Right] | None = Field(description="Of the token; null: all that you may.")
    roles_everywhere: list[Role]
    rights_everywhere: list[Right]
    csrf_token: str | None = Field(description="For X-CSRF-Token; null with a token.")


@ROUTES.router.post(
    "/log-in",
    tags=[ROUTES.noun],
    operation_id="log_in",
    summary="Log in",
    response_model=LoggedInTold,
    responses=REFUSED,
    openapi_extra={"security": []},
)
def log_in(request: Request, body: LogInSent, response: Response) -> LoggedInTold:
    """Be known by your password. After many that were wrong the next must wait."""
    require_same_site(request)
    require_storable(body, "body")
    house = installation_of(request)
    with transaction(house.engine) as session:
        came_of_it = _known(session, house, body, address_of(request))
    if isinstance(came_of_it, Refusal):
        raise came_of_it.error()
    return let_in(house, response, came_of_it, cookie=body.cookie)


@ROUTES.router.post(
    "/log-out",
    status_code=HTTPStatus.NO_CONTENT,
    tags=[ROUTES.noun],
    operation_id="log_out",
    summary="Log out",
    responses=REFUSED,
)
def log_out(request: Request) -> Response:
    """End the log-in that this request shows. An API token is revoked instead."""
    house = installation_of(request)
    shown = credentials_of(request)
    with transaction(house.engine) as session:
        if shown is None:
            raise not_logged_in(session)
        at = house.clock()
        people.identify(session, shown.secret, origin=Origin.API, at=at)
        people.log_out(session, shown.secret, at=at, origin=Origin.API)
    response = Response(status_code=HTTPStatus.NO_CONTENT)
    drop_cookie(response, house)
    return response


@ROUTES.reads("/me", MeTold)
def show_me(act: Act) -> dict[str, Any]:
    """Who you are, and what you may do everywhere; your roles on projects are under /roles."""
    user = people.find_user(act.session, act.actor.name)
    standing: Standing = standing_of(act.session, None, act.actor)
    return user.model_dump(include={"name", "full_name", "email"}) | {
        "scope": None if act.actor.scope is None else sorted(act.actor.scope),
        "roles_everywhere": sorted(standing.roles),
        "rights_everywhere": sorted(standing.rights),
        "csrf_token": csrf_token(act.house, act.shown.secret) if act.shown.from_cookie else None,
    }


def let_in(house: Installation, response: Response, known: LoggedIn, *, cookie: bool) -> LoggedInTold:
    """Tell somebody their secret, or have their browser keep it."""
    if cookie:
        seconds = max(0, round((known.expires_at - house.clock()).total_seconds()))
        set_cookie(response, house, known.secret, seconds=seconds)
    return LoggedInTold(
        user=known.user,
        secret=None if cookie else known.secret,
        csrf_token=csrf_token(house, known.secret),
        expires_at=known.expires_at,
    )


def _known(session: Session, house: Installation, body: LogInSent, address: str) -> LoggedIn | Refusal:
    if not has_users(session):
        raise not_logged_in(session)
    return people.log_in(session, body.name, body.password, address=address, at=house.clock(), origin=Origin.API)
