"""The audit trail: looked into, verified and exported."""

from __future__ import annotations

import tempfile
import zipfile
from datetime import datetime
from typing import Any, BinaryIO, Final, cast

from fastapi import Response
from pydantic import Field

from governance import audit
from governance.audit import EVENTS
from governance.database import transaction
from governance.listing import Page
from governance.tables import AuditEvent
from governance.vocabulary import Origin
from governance.web.documents import Told
from governance.web.downloads import downloaded_file
from governance.web.parameters import Wanted
from governance.web.routing import Act, Routes

ROUTES: Final = Routes("audit", "Every act of everybody, in a chain that shows whether anybody has touched it.")


class EventTold(Told):
    """One act."""

    number: int
    at: datetime
    actor: str
    origin: Origin
    tag: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    digest: str


class TamperingTold(Told):
    """Something that was done to the trail."""

    kind: str
    first: int
    last: int
    sentence: str


class VerificationTold(Told):
    """What came of going along the chain."""

    lines: int
    problems: list[TamperingTold] = Field(description="Empty: nobody has touched it.")


@ROUTES.lists("/audit", EVENTS, EventTold)
def list_events(act: Act, wanted: Wanted) -> Page[AuditEvent]:
    """Lines on the projects that you may see; all of them, if you may read everywhere. Latest first."""
    return audit.list_events(
        act.session,
        actor=act.actor,
        filters=wanted.filters,
        sort=wanted.sort,
        limit=wanted.limit,
        after=wanted.after,
    )


@ROUTES.reads("/audit/verification", VerificationTold)
def verify_audit(act: Act) -> Any:
    """Go along the whole chain, and name every line that was edited, deleted, moved or back-dated."""
    return audit.verify(act.session, act.house.settings.audit_key_bytes, actor=act.actor)


@ROUTES.downloads("/audit/export", method="POST")
def export_audit(act: Act) -> Response:
    """A ZIP of audit.jsonl, with every line, and anchor.json, by which somebody else can check it later."""
    packed = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115  it is sent after this
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("audit.jsonl", "w", force_zip64=True) as lines:
            key = act.house.settings.audit_key_bytes
            anchor = audit.export(act.session, key, cast("BinaryIO", lines), at=act.at, actor=act.actor)
        archive.writestr("anchor.json", anchor.as_json())
    with transaction(act.house.engine) as session:
        audit.note_export(session, anchor, actor=act.actor, at=act.house.clock())
    return downloaded_file(packed, "audit.zip")
