"""Every refusal as problem details (RFC 9457): one table says which error is which status."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from governance import errors

MEDIA_TYPE: Final = "application/problem+json"

_LOG: Final = logging.getLogger("driftgate.web")

_ONCE_MORE_SECONDS: Final = 5
"""After which a client that found the database busy may ask again."""

STATUSES: Final[Mapping[type[errors.DriftgateError], HTTPStatus]] = MappingProxyType(
    {
        errors.UnreadableFile: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.SchemaMismatch: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.NoUsableTarget: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.TrainingImpossible: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.UnusableName: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.UnusableValue: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.ProjectFileError: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.TemplateError: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.NotFound: HTTPStatus.NOT_FOUND,
        errors.NotLoggedIn: HTTPStatus.UNAUTHORIZED,
        errors.TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS,
        errors.NotAllowed: HTTPStatus.FORBIDDEN,
        errors.TransitionNotAllowed: HTTPStatus.CONFLICT,
        errors.SignOffRefused: HTTPStatus.CONFLICT,
        errors.ActivationRefused: HTTPStatus.CONFLICT,
        errors.ConfirmationNeeded: HTTPStatus.CONFLICT,
        errors.ActRefused: HTTPStatus.CONFLICT,
        errors.ClockMovedBack: HTTPStatus.CONFLICT,
        errors.ChangedMeanwhile: HTTPStatus.CONFLICT,
        errors.ContentAltered: HTTPStatus.CONFLICT,
        errors.ServerUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    }
)
"""Every error that can be raised, and its status."""

CARRIED: Final = (
    "reasons", "field", "line", "problem", "remedy", "subject", "action", "allowed", "environment", "expected", "found",
    "known",
)  # fmt: skip
"""What of an error a machine is told besides the sentence."""


class Refusal(StrEnum):
    """Refusals that are about HTTP and not about driftgate."""

    MALFORMED = "The request is malformed"
    CROSS_SITE = "The request did not come from these pages"
    TOO_LARGE = "The request is too large"
    PRECONDITION_MISSING = "A precondition is missing"
    KEY_REUSED = "The idempotency key was used for another request"
    PROVIDER_SILENT = "The OpenID Connect provider does not answer"


REFUSALS: Final[Mapping[Refusal, HTTPStatus]] = MappingProxyType(
    {
        Refusal.MALFORMED: HTTPStatus.BAD_REQUEST,
        Refusal.CROSS_SITE: HTTPStatus.FORBIDDEN,
        Refusal.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        Refusal.PRECONDITION_MISSING: HTTPStatus.PRECONDITION_REQUIRED,
        Refusal.KEY_REUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
        Refusal.PROVIDER_SILENT: HTTPStatus.SERVICE_UNAVAILABLE,
    }
)


class RequestRefused(Exception):
    """A request that no service was asked about.

    Args:
        refusal: Which kind.
        detail: One sentence: what was wrong, and what to do.
    """

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(refusal, detail)
        self.refusal, self.detail = refusal, detail


class WrongField(BaseModel):
    """One part of a request that can't be used."""

    field: str = Field(description="Where it stands, e.g. body.name.")
    problem: str


class Problem(BaseModel):
    """Why a request was refused (RFC 9457). ``detail`` is a sentence for people."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:driftgate:problem:SignOffRefused"])
    title: str = Field(examples=["A role or a guard says no"])
    status: int = Field(examples=[409])
    detail: str = Field(examples=["credit/fraud/1: 'approve' is refused: will is not a final approver."])
    instance: str = Field(examples=["/api/v1/items/3/sign-off/approve"])
    reasons: list[str] | None = None
    errors: list[WrongField] | None = None


def status_of(error: errors.DriftgateError) -> HTTPStatus:
    """The status of an error.

    Example:
        >>> status_of(errors.NotFound("store", "drfit")).value
        404
    """
    return STATUSES[type(error)]


def problem_of(request: Request, error: errors.DriftgateError) -> JSONResponse:
    """The answer to a request that a service refused."""
    status = status_of(error)
    if isinstance(error, errors.ChangedMeanwhile) and "if-match" in request.headers:
        status = HTTPStatus.PRECONDITION_FAILED
    headers = {}
    if isinstance(error, errors.TooManyAttempts):
        headers["Retry-After"] = str(max(1, round(error.wait_seconds)))
    elif status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="driftgate"'
    more = {name: getattr(error, name) for name in CARRIED if getattr(error, name, None) not in (None, "", ())}
    title = (type(error).__doc__ or "").partition(";")[0].strip().rstrip(".")
    return answer(request, status, type(error).__name__, title, str(error), headers=headers, **more)


def answer(
    request: Request,
    status: HTTPStatus,
    kind: str,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """Problem details as they are sent."""
    document = {
        "type": f"urn:driftgate:problem:{kind}",
        "title": title,
        "status": status.value,
        "detail": detail,
        "instance": request.url.path,
        **{name: value if isinstance(value, list | tuple) else str(value) for name, value in more.items()},
    }
    return JSONResponse(document, status.value, headers=headers, media_type=MEDIA_TYPE)


def answer_errors(app: FastAPI) -> None:
    """Have every error that leaves a route answered with problem details."""

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, errors.DriftgateError)  # noqa: S101  registered for these only
        return problem_of(request, error)

    app.add_exception_handler(errors.DriftgateError, refused)
    app.add_exception_handler(RequestRefused, _not_asked)
    app.add_exception_handler(RequestValidationError, _unusable)
    app.add_exception_handler(HTTPException, _no_such_route)
    app.add_exception_handler(OperationalError, _busy)
    app.add_exception_handler(Exception, _unexpected)


def refusal_of(request: Request, error: RequestRefused) -> JSONResponse:
    """The answer to a request that no service was asked about."""
    refusal = error.refusal
    return answer(request, REFUSALS[refusal], refusal.name.title().replace("_", ""), refusal.value, error.detail)


async def _not_asked(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestRefused)  # noqa: S101
    return refusal_of(request, error)


async def _unusable(request: Request, error: Exception) -> JSONResponse:
    """What does not fit the description of the API: 400 when it is no JSON at all, else 422 with every wrong field."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = [
        {"field": ".".join(map(str, one["loc"])).encode(errors="replace").decode(), "problem": one["msg"]}
        for one in error.errors()
    ]
    if any(one["type"] == "json_invalid" for one in error.errors()):
        return refusal_of(request, RequestRefused(Refusal.MALFORMED, "The body is not JSON; send a JSON document."))
    detail = f"{found[0]['field']}: {found[0]['problem']}." if found else "The request can't be used."
    title = "The request does not fit the description of the API"
    return answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, "RequestNotUsable", title, detail, errors=found)


async def _no_such_route(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    return answer(
        request, status, status.phrase.title().replace(" ", ""), status.phrase, error.detail, headers=error.headers
    )


async def _busy(request: Request, error: Exception) -> JSONResponse:
    _LOG.error("the database did not answer", exc_info=error)
    return answer(
        request,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "DatabaseBusy",
        "The database does not answer",
        "The database is busy or can't be reached; nothing was written; try again.",
        headers={"Retry-After": str(_ONCE_MORE_SECONDS)},
    )


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """An error nobody foresaw: its traceback goes into the log under a number, and nothing of it into the answer."""
    number = secrets.token_hex(8)
    _LOG.error("unexpected error %s at %s %s", number, request.method, request.url.path, exc_info=error)
    detail = f"This is an error that driftgate did not foresee; its traceback is in the log under {number}."
    title = "An error that driftgate did not foresee"
    return answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, "Unexpected", title, detail, id=number)
