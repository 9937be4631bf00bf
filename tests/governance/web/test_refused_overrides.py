"""Who is refused a confirmation of an override leaves a line, as who is refused an activation does."""

import pytest

from governance.audit import Tag
from governance.tables import Activation, AuditEvent, Override


def asked_for(api):
    version = api.world.version()
    body = {"model": "fraud", "version": version.number, "environment": "prod", "reason": "it burns"}
    return version, api.post("/projects/credit/overrides", body)["id"]


def lines(api):
    return [line for line in api.world.read(AuditEvent) if line.tag == Tag.VERSION_ACTIVATION_REFUSED]


@pytest.mark.parametrize(
    ("by", "says"), [("will", "a second person has to agree"), ("rosa", "rosa is not a final approver")]
)
def test_a_refused_confirmation_is_written_down(api, by, says):
    version, number = asked_for(api)
    answer = api("POST", f"/overrides/{number}/confirm", by=by)
    assert (answer.status_code, says in answer.json()["detail"]) == (409, True)
    (line,) = lines(api)
    assert (line.actor, line.subject, line.project) == (by, api.world.item(version).path, "credit")
    assert (line.after["override"], line.after["environment"], line.after["refusal"]) == (number, "prod", "ActRefused")
    assert says in line.after["sentence"]
    assert line.number is not None
    assert (api.world.read(Activation), api.world.read(Override)[0].confirmed_by) == ([], None)


def test_so_is_that_the_gate_refuses_it_and_that_it_comes_too_late(api):
    version, number = asked_for(api)
    model = api.world.artifacts / version.folder / "model.skops"
    content = model.read_text()
    model.write_text("other bytes")
    assert api("POST", f"/overrides/{number}/confirm", by="finn").status_code == 409
    model.write_text(content)
    api.post(f"/overrides/{number}/confirm", by="finn")
    assert not api("POST", f"/overrides/{number}/confirm", by="flora").is_success
    refused = [(line.actor, line.after["refusal"]) for line in lines(api)]
    assert refused == [("finn", "ActivationRefused"), ("flora", "ChangedMeanwhile")]


def test_what_somebody_does_not_see_leaves_none(api):
    assert api("POST", "/overrides/99/confirm", by="finn").status_code == 404
    assert lines(api) == []
