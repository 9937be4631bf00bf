"""Logging in at an OpenID Connect provider: authorisation code with PKCE, state and nonce, addresses by discovery."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from governance.errors import NotLoggedIn
from governance.settings import Settings
from governance.web.problems import Refusal, RequestRefused

SCOPES: Final = "openid profile email"
_PATIENCE_SECONDS: Final = 10.0
_BEGIN_AGAIN: Final = "begin the log-in again"


@dataclass(frozen=True, slots=True)
class Begun:
    """A log-in that has begun: what has to be remembered until the browser comes back.

    Args:
        address: Of the provider's page, to send the browser to.
        state: Comes back with the browser.
        nonce: Comes back inside the signed token.
        verifier: Shows the provider that who began is who ends (PKCE).
    """

    address: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Somebody:
    """Whom the provider means. Only issuer and subject say who it is."""

    issuer: str
    subject: str
    name: str
    full_name: str
    email: str


@dataclass(frozen=True)
class Provider:
    """One provider, by configuration.

    Args:
        issuer: Its address.
        client_id: As it knows this installation.
        client_secret: What it gave this installation; none: a public client.
        return_address: Where it sends the browser back.
    """

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    return_address: str

    def begin(self) -> Begun:
        """Prepare a log-in. Raises: RequestRefused, the provider does not answer."""
        begun = self._asked(lambda client: client.create_authorization_url(self.return_address))
        return Begun(begun["url"], begun["state"], begun["nonce"], begun["code_verifier"])

    def end(self, code: str, *, nonce: str, verifier: str) -> Somebody:
        """Redeem what the browser brought, and check the token that comes for it.

        Args:
            code: From the provider, by way of the browser.
            nonce: Of :meth:`begin`.
            verifier: Of :meth:`begin`.

        Raises:
            NotLoggedIn: the provider does not take the code, or its token is not for us, not for now, or not signed.
            RequestRefused: the provider does not answer.
        """

        def redeem(client: Any) -> Any:
            token = client.fetch_access_token(self.return_address, code=code, code_verifier=verifier)
            options = {"iss": {"values": [self.issuer]}, "aud": {"values": [self.client_id]}}
            return client.parse_id_token(token, nonce=nonce, claims_options=options)

        claims = self._asked(redeem)
        if not claims or not claims.get("sub"):
            raise NotLoggedIn("the OpenID Connect provider sent no token that says who you are", _BEGIN_AGAIN)
        said = {name: str(claims.get(name) or "") for name in ("sub", "preferred_username", "name", "email")}
        wished = said["preferred_username"] or said["name"] or said["sub"]
        return Somebody(self.issuer, said["sub"], wished, said["name"], said["email"])

    def _asked(self, question: Any) -> Any:
        from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
        from joserfc.errors import JoseError

        try:
            client = self._client()
            found = client.load_server_metadata()["issuer"]
            if found.rstrip("/") != self.issuer:
                detail = f"The provider calls itself {found!r}; correct DRIFTGATE_OIDC_ISSUER."
                raise RequestRefused(Refusal.PROVIDER_SILENT, detail)
            return question(client)
        except (AuthlibBaseError, JoseError) as error:
            raise NotLoggedIn("the OpenID Connect provider does not confirm this log-in", _BEGIN_AGAIN) from error
        except (httpx.HTTPError, KeyError, ValueError, RuntimeError) as error:
            detail = "The OpenID Connect provider does not answer as one; try again later, or log in with a password."
            raise RequestRefused(Refusal.PROVIDER_SILENT, detail) from error

    def _client(self) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of httpx, whose successor Authlib would rather have
            from authlib.integrations.base_client.sync_app import OAuth2Mixin  # type: ignore[import-untyped]
            from authlib.integrations.base_client.sync_openid import OpenIDMixin  # type: ignore[import-untyped]
            from authlib.integrations.httpx_client import OAuth2Client  # type: ignore[import-untyped]

        class Client(OAuth2Mixin, OpenIDMixin):  # type: ignore[misc]
            client_cls = OAuth2Client

        return Client(
            framework=None,
            client_id=self.client_id,
            client_secret=self.client_secret,
            server_metadata_url=f"{self.issuer}/.well-known/openid-configuration",
            client_kwargs={"scope": SCOPES, "code_challenge_method": "S256", "timeout": _PATIENCE_SECONDS},
        )


def provider_of(settings: Settings) -> Provider | None:
    """The provider that the settings name; none: people log in with passwords only."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    secret = settings.oidc_client_secret
    return Provider(
        settings.oidc_issuer.rstrip("/"),
        settings.oidc_client_id,
        None if secret is None else secret.get_secret_value(),
        f"{settings.public_url.rstrip('/')}/api/v1/oidc/callback",
    )
