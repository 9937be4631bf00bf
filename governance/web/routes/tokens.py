"""API tokens: shown once, kept as hashes, with a scope and an end."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import AwareDatetime, Field
from sqlmodel import col, select

from governance import people
from governance.errors import NotFound
from governance.listing import Listing, Page
from governance.tables import ApiToken, User
from governance.vocabulary import Right
from governance.web.documents import Line, Sent, Told, example
from governance.web.parameters import Wanted
from governance.web.routing import Act, Routes
from governance.web.visible import Name, Number, may_see_user, visible_user

ROUTES: Final = Routes("tokens", "Secrets that stand for you, or for a service account, in programs.")

TOKENS: Final = Listing(
    {
        "id": col(ApiToken.id),
        "name": col(ApiToken.name),
        "created_at": col(ApiToken.created_at),
        "expires_at": col(ApiToken.expires_at),
        "revoked_at": col(ApiToken.revoked_at),
        "used_at": col(ApiToken.used_at),
    },
    key=col(ApiToken.id),
    default_sort="-id",
)


class TokenTold(Told):
    """A token; its secret is nowhere."""

    id: int
    name: str
    scope: list[Right]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None


class NewTokenTold(TokenTold):
    """A token that was just made."""

    secret: str | None = Field(description="Shown this once; null when a repeated request is answered again.")


class TokenSent(Sent):
    """What a token is for."""

    model_config = example(name="nightly", scope=["read", "write"], expires_at="2027-01-01T00:00:00Z")

    name: Line
    scope: list[Right] = Field(max_length=len(Right))
    expires_at: AwareDatetime = Field(description="At most 400 days ahead.")


@ROUTES.lists("/users/{user}/tokens", TOKENS, TokenTold)
def list_tokens(act: Act, user: Name, wanted: Wanted) -> Page[ApiToken]:
    """The tokens of a user, latest first; those that have ended too."""
    found = visible_user(act, user)
    return wanted.page(act.session, select(ApiToken).where(ApiToken.user_id == found.id), TOKENS)


@ROUTES.makes("/users/{user}/tokens", NewTokenTold, secret="secret")  # noqa: S106  the name of a field
def create_token(act: Act, user: Name, body: TokenSent) -> dict[str, Any]:
    """Make a secret that stands for you, or for a service account."""
    token, secret = people.create_token(
        act.session,
        visible_user(act, user),
        name=body.name,
        scope=body.scope,
        expires_at=body.expires_at,
        actor=act.actor,
        at=act.at,
    )
    return token.model_dump() | {"secret": secret}


@ROUTES.changes("DELETE", "/tokens/{token}", TokenTold, locked=False)
def revoke_token(act: Act, token: Number) -> ApiToken:
    """Let a token stand for nobody any more."""
    row = act.session.get(ApiToken, token)
    if row is None or not may_see_user(act, act.session.get_one(User, row.user_id)):
        raise NotFound("token", str(token))
    return people.revoke_token(act.session, row, actor=act.actor, at=act.at)
