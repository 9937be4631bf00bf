"""The API beside the Prefect server: it answers on its port while ``driftgate serve`` runs, and not afterwards."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from deployments.servers.api import address_of, api_server
from deployments.servers.processes import free_port
from governance.audit import Actor
from governance.database import open_database, transaction
from governance.errors import ServerUnavailable
from governance.people import create_administrator
from governance.settings import Settings
from governance.web.background import NAMED


def test_it_answers_while_it_is_served_and_not_afterwards(tmp_path: Path) -> None:
    settings, port = Settings(home=tmp_path), free_port()
    with api_server(settings, host="127.0.0.1", port=port) as thread:
        assert any(one.name.startswith(NAMED) for one in threading.enumerate())
        answer = httpx.get(f"{address_of('127.0.0.1', port)}/health", trust_env=False)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert "server" not in answer.headers
        assert thread.is_alive()
    assert not thread.is_alive()
    assert not any(one.name.startswith(NAMED) for one in threading.enumerate())
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address_of('127.0.0.1', port)}/health", trust_env=False)


def test_a_port_that_is_taken_is_refused_with_the_option_that_chooses_another(tmp_path: Path) -> None:
    port = free_port()
    with (
        api_server(Settings(home=tmp_path / "one"), host="127.0.0.1", port=port),
        pytest.raises(ServerUnavailable, match=rf"port {port} is taken.*--api-port"),
        api_server(Settings(home=tmp_path / "two"), host="127.0.0.1", port=port),
    ):
        pytest.fail("two answer on one port")


@pytest.mark.parametrize(("public_url", "blocked"), [("http://127.0.0.1:4300", True), ("https://gate.example", False)])
def test_only_behind_tls_a_client_may_be_said_to_come_from_elsewhere(
    tmp_path: Path, public_url: str, blocked: bool
) -> None:
    settings, port = Settings(home=tmp_path, public_url=public_url), free_port()
    engine = open_database(settings.database, audit_key=settings.audit_key_bytes)
    with transaction(engine) as session:
        password = "correct horse battery staple"
        create_administrator(session, "ada", password=password, actor=Actor("ada"), at=datetime.now(UTC))
    engine.dispose()
    with api_server(settings, host="127.0.0.1", port=port):
        statuses = [
            httpx.post(
                f"{address_of('127.0.0.1', port)}/log-in",
                json={"name": f"nobody{number}", "password": "wrong"},
                headers={"X-Forwarded-For": f"192.0.2.{number}"},
                trust_env=False,
            ).status_code
            for number in range(22)
        ]
    assert (429 in statuses) is blocked
