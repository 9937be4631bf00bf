"""Notices: what you have to be told."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlmodel import select

from governance.listing import Page
from governance.notices import NOTICES, state_of
from governance.tables import Notice
from governance.web.documents import Told
from governance.web.parameters import Wanted
from governance.web.routing import Act, Routes

ROUTES: Final = Routes("notices", "What you have to be told; sent by e-mail too, if there is a mail server.")


class NoticeTold(Told):
    """One message to you."""

    id: int
    recipient: str
    subject: str
    body: str
    created_at: datetime
    state: str


@ROUTES.lists("/notices", NOTICES, NoticeTold)
def list_notices(act: Act, wanted: Wanted) -> Page[Any]:
    """Your notices, latest first."""
    page = wanted.page(act.session, select(Notice).where(Notice.recipient == act.actor.name), NOTICES)
    return Page([row.model_dump() | {"state": state_of(row)} for row in page.rows], page.next)
