"""The application: every route, every refusal and every precaution put together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from sqlalchemy import Engine
from starlette.routing import compile_path

from governance.settings import Settings
from governance.web.installation import Installation
from governance.web.outside import provider_of
from governance.web.precautions import Precautions, takes_files
from governance.web.problems import Problem, answer_errors
from governance.web.routes import ALL

BASE: Final = "/api/v1"

DESCRIPTION: Final = """\
Watch models in production, retrain them when they drift, and let no version go live that nobody signed.

* **Who you are**: `Authorization: Bearer` with an API token or with what `log_in` answers; or its cookie, and then
  `X-CSRF-Token` with every write.
* **Refusals** are problem details (RFC 9457); `detail` is a sentence, `reasons` names every reason.
* **Lists** come in pages: `limit`, `after`, `sort` (`-` for the largest first) and filters by name.
* **Two people at once**: what you read has an `ETag`; send it as `If-Match` with what you write. PUT, PATCH and DELETE
  of what can change need it (428), and are refused when it has changed (412).
* **Sent twice, done once**: send an `Idempotency-Key` of your choice with a POST; the same request with the same key is
  answered again and not carried out again.
"""


def create_app(engine: Engine, settings: Settings, *, clock: Callable[[], datetime]) -> FastAPI:
    """The REST API of one installation.

    Args:
        engine: Of its database, opened and migrated.
        settings: Where artifacts are, how people reach it, and where they may log in besides.
        clock: Gives the present moment, with time zone.
    """
    app = FastAPI(
        title="driftgate",
        version="1",
        summary="Governance of models in production.",
        description=DESCRIPTION,
        openapi_url=f"{BASE}/openapi.json",
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        openapi_tags=[{"name": routes.noun, "description": routes.description} for routes in ALL],
    )
    app.state.installation = Installation(engine, settings, clock, provider_of(settings))
    for routes in ALL:
        app.include_router(routes.router, prefix=BASE)
    answer_errors(app)
    taking = [route.path for routes in ALL for route in routes.router.routes if takes_files(route)]
    app.add_middleware(Precautions, files=[compile_path(f"{BASE}{path}")[0] for path in taking])
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """The description of the API, with what FastAPI can't know of it."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
        )
        parts = document.setdefault("components", {})
        parts["schemas"] |= _models_of_problems()
        parts["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "An API token, or the secret of a log-in."},
            "cookie": {"type": "apiKey", "in": "cookie", "name": "driftgate", "description": "Set by a log-in."},
        }
        document["security"] = [{"token": []}, {"cookie": []}]
        app.openapi_schema = document
    return app.openapi_schema


def _models_of_problems() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    inner: dict[str, Any] = schema.pop("$defs")
    return {**inner, "Problem": schema}
