"""Whether it answers at all. The one route that asks nobody who they are."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, Literal

from pydantic import BaseModel
from sqlalchemy import text
from starlette.requests import Request

from governance.web.installation import installation_of
from governance.web.routing import Routes, documented

ROUTES: Final = Routes("health", "Whether the API and its database answer.")


class Health(BaseModel):
    """That all is well."""

    status: Literal["ok"]


@ROUTES.router.get(
    "/health",
    tags=[ROUTES.noun],
    operation_id="show_health",
    responses=documented(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
    openapi_extra={"security": []},
)
def show_health(request: Request) -> Health:
    """Answer when the database does; else 503."""
    with installation_of(request).engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    return Health(status="ok")
