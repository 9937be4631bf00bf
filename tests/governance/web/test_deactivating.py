"""Somebody is deactivated in the middle of a request that their token has made: neither waits for the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from governance import people
from governance.database import transaction
from governance.tables import UserGroup
from governance.vocabulary import Actor, Right
from tests.governance.web.conftest import ADA, Api


def test_a_request_keeps_no_lock_on_its_token(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    if api.world.engine.dialect.name == "sqlite":
        pytest.skip("one transaction writes at a time")
    with transaction(api.world.engine) as session:
        people.create_administrator(session, "vera", password="four random words", actor=ADA, at=api.world.now())
        about: dict[str, Any] = {"scope": set(Right), "expires_at": api.world.now() + timedelta(days=9)}
        vera = people.find_user(session, "vera")
        _, secret = people.create_token(session, vera, name="n", actor=Actor("vera"), at=api.world.now(), **about)
    create_group = people.create_group

    def deactivate() -> None:
        with transaction(api.world.engine) as session:
            people.deactivate_user(session, people.find_user(session, "vera"), actor=ADA, at=api.world.now())

    def meanwhile(*arguments: Any, **details: Any) -> UserGroup:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(deactivate).result(timeout=10)
        return create_group(*arguments, **details)

    monkeypatch.setattr(people, "create_group", meanwhile)
    headers = {"Authorization": f"Bearer {secret}"}
    assert api("POST", "/groups", {"name": "team"}, by=None, headers=headers).status_code == 403
    assert api.world.read(UserGroup) == []
