"""The governance tutorial, step by step, through the API, by three people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from governance.database import transaction
from governance.items import install_templates
from governance.people import create_administrator, create_user
from governance.web import create_app
from tests.governance.web.conftest import ADA, PASSWORD, Api, settings_of
from tests.governance.world import World


@dataclass
class Item:
    """An item, as somebody works on it."""

    api: Api
    path: str

    @property
    def address(self) -> str:
        return f"/items/{self.api.item(self.path)['id']}"

    def workflow(self) -> dict[str, Any]:
        return self.api.get(f"{self.address}/workflow")

    def write(self, step: str, **fields: str) -> None:
        """Fill fields of a step, as somebody does who has looked at it."""
        for field, value in fields.items():
            tag = self.api("GET", f"{self.address}/workflow").headers["ETag"]
            address = f"{self.address}/steps/{step}/fields/{field}"
            answer = self.api("PUT", address, {"value": value}, headers={"If-Match": tag})
            assert answer.status_code == 200, answer.text

    def finish(self, step: str) -> dict[str, str]:
        """Set a step as finished; where every step stands then."""
        steps = self.api.post(f"{self.address}/steps/{step}/finish")["steps"]
        return {one["key"]: one["status"] for one in steps}

    def sign(self, action: str, by: str, **said: Any) -> dict[str, Any]:
        return self.api.post(f"{self.address}/sign-off/{action}", said, by=by)


@pytest.fixture
def tutorial(world: World) -> Api:
    """A project with one version, on which nobody has a role yet; Will works, Rosa reviews, Finn decides."""
    world.register(people={})
    world.version()
    with transaction(world.engine) as session:
        create_administrator(session, "ada", password=PASSWORD, actor=ADA, at=world.now())
        install_templates(session, world.now())
    for name in ("will", "rosa", "finn"):
        with transaction(world.engine) as session:
            create_user(session, name, password=PASSWORD, actor=ADA, at=world.now())
    api = Api(create_app(world.engine, settings_of(world), clock=world.now), world)
    api.post("/roles", {"person": "will", "role": "administrator", "project": "credit"}, by="ada")
    return api


def test_a_version_is_reviewed_from_the_first_note_to_production(tutorial: Api) -> None:
    api, project, version = tutorial, Item(tutorial, "credit"), Item(tutorial, "credit/fraud/1")
    activation = {"environment": "prod"}
    activate = "/projects/credit/models/fraud/versions/1/activate"

    # Govern the project, with all that is in it.
    governed = api.post(f"{project.address}/govern", {"template": "standard", "children": True})
    assert governed["state"] == api.item(version.path)["state"] == "GOVERNED"
    assert project.workflow()["current_step"] == "exploration"

    # Exploration: notes, and set as finished.
    project.write("exploration", notes="Refused purchases cost us customers.")
    assert project.finish("exploration")["qualification"] == "ONGOING"

    # Qualification: value High, risk High, decision Go.
    project.write("qualification", value_rating="High", risk_rating="High", decision="Go")
    assert project.finish("qualification") == {
        "exploration": "FINISHED",
        "qualification": "FINISHED",
        "in_progress": "ONGOING",
        "validation_and_roll_out": "NOT_STARTED",
        "delivered": "NOT_STARTED",
    }

    # Development of the version: notes, and set as finished.
    version.write("development", notes="Trained on the first quarter.")
    assert version.finish("development")["review"] == "ONGOING"

    # Assign reviewers and final approvers, once, on the project.
    api.post("/roles", {"person": "rosa", "role": "reviewer", "group": "risk_compliance", "project": "credit"})
    api.post("/roles", {"person": "finn", "role": "approver", "project": "credit"})

    # Request feedback, notifying nobody.
    assert version.sign("request_feedback", "will", notify=[])["status"] == "WAITING_FOR_FEEDBACK"
    assert api.get("/notices", by="rosa")["items"] == []

    # Rosa sees a minor issue, then finds that it is a major one.
    (feedback,) = version.sign("add_feedback", "rosa", verdict="MINOR_ISSUE", comment="Few refusals")["feedback"]
    assert (feedback["author"], feedback["group"], feedback["verdict"]) == ("rosa", "risk_compliance", "MINOR_ISSUE")
    (feedback,) = version.sign("edit_feedback", "rosa", verdict="MAJOR_ISSUE")["feedback"]
    assert (feedback["verdict"], feedback["comment"]) == ("MAJOR_ISSUE", "Few refusals")

    # Request the final approval; go back to feedback; request it again.
    assert version.sign("request_approval", "will", notify=["finn"])["status"] == "WAITING_FOR_APPROVAL"
    assert [one["recipient"] for one in api.get("/notices", by="finn")["items"]] == ["finn"]
    assert version.sign("back_to_feedback", "finn")["status"] == "WAITING_FOR_FEEDBACK"
    assert version.sign("request_approval", "will")["status"] == "WAITING_FOR_APPROVAL"

    # Finn rejects it. It can't go live, and its workflow is locked.
    assert version.sign("reject", "finn", comment="Mend the major issue")["status"] == "REJECTED"
    assert version.workflow()["locked"]
    refused = api("POST", activate, activation)
    assert (refused.status_code, refused.json()["reasons"]) == (409, ["the sign-off is REJECTED, not APPROVED"])

    # Abandon it, and cancel that: everything is as it was.
    before = api.get(f"{version.address}/sign-off")
    abandoned = version.sign("abandon", "will")
    assert (abandoned["status"], abandoned["allowed"]) == ("ABANDONED", ["cancel_abandon", "reset"])
    after = version.sign("cancel_abandon", "will")
    assert after["status"] == "REJECTED"
    assert (after["feedback"], after["final_approval"]) == (before["feedback"], before["final_approval"])

    # Reset without reloading the configuration: what was said is history, the people stay.
    reset = version.sign("reset", "will", reload_configuration=False)
    assert (reset["status"], reset["feedback"], reset["final_approval"]) == ("NOT_STARTED", [], None)
    assert reset["people"] == before["people"]
    (first,) = reset["history"]
    assert (first["feedback"][0]["verdict"], first["final_approval"]["verdict"]) == ("MAJOR_ISSUE", "REJECTED")

    # Approve, and activate.
    version.sign("request_approval", "will")
    assert version.sign("approve", "finn", comment="Mended")["status"] == "APPROVED"
    assert version.finish("review")["deployment"] == "ONGOING"
    live = api.post(activate, activation)
    assert (live["decision"], live["version"]) == ("ALLOWED", 1)
    shown = api.get("/projects/credit/models/fraud/versions/1")
    assert shown["active_in"] == ["prod"]

    # All of it is in the audit trail, which holds together.
    lines = api.get("/audit", by="ada", params={"subject": "credit/fraud/1", "limit": 100})["items"]
    assert [line["tag"] for line in lines if line["tag"].startswith("sign_off:")][::-1] == [
        f"sign_off:{action}"
        for action in (
            "request_feedback", "add_feedback", "edit_feedback", "request_approval", "back_to_feedback",
            "request_approval", "reject", "abandon", "cancel_abandon", "reset", "request_approval", "approve",
        )
    ]  # fmt: skip
    assert {line["origin"] for line in lines} >= {"api"}
    assert api.get("/audit/verification", by="ada")["problems"] == []
