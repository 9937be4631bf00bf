"""What people do by the API, from one end to the other."""

import io
import json
import tempfile
import zipfile
from types import ModuleType

import pytest

from governance.audit import check_export, read_anchor
from tests.governance.web.filled import CONFIGURATION
from tests.governance.web.test_conditions import file_place


def sign(api, number, action, by="will", **body):
    return api.post(f"/items/{number}/sign-off/{action}", body, by=by)


def test_a_version_is_reviewed_by_three_people_and_goes_live(api):
    api.world.version()
    number = api.item("credit/fraud/1")["id"]
    sign(api, number, "request_feedback")
    said = sign(api, number, "add_feedback", by="rosa", verdict="MINOR_ISSUE", comment="few rows")
    (feedback,) = said["feedback"]
    sign(api, number, "edit_feedback", by="rosa", verdict="MAJOR_ISSUE", feedback=feedback["id"])
    sign(api, number, "request_approval", notify=["finn"])
    assert [notice["state"] for notice in api.get("/notices", by="finn")["items"]] == ["waiting"]
    early = api("POST", "/projects/credit/models/fraud/versions/1/activate", {"environment": "prod"})
    assert (early.status_code, early.json()["reasons"]) == (
        409, ["the sign-off is WAITING_FOR_APPROVAL, not APPROVED"],
    )  # fmt: skip
    approved = sign(api, number, "approve", by="finn", comment="go")
    assert (approved["status"], approved["final_approval"]["author"]) == ("APPROVED", "finn")
    live = api.post("/projects/credit/models/fraud/versions/1/activate", {"environment": "prod"})
    assert (live["version"], live["decision"], live["activated_by"]) == (1, "ALLOWED", "will")
    assert api.get("/projects/credit/models/fraud/versions/1")["active_in"] == ["prod"]
    tags = [event["tag"] for event in api.get("/audit", params={"subject": "credit/fraud/1", "sort": "at"})["items"]]
    assert tags == [
        "version:recorded", "sign_off:request_feedback", "sign_off:add_feedback", "sign_off:edit_feedback",
        "sign_off:request_approval", "version:activation_refused", "sign_off:approve", "version:activated",
    ]  # fmt: skip


def test_every_action_that_may_be_asked_for_has_a_route_and_no_other(api):
    from governance.vocabulary import SignOffAction

    paths = {path.rpartition("/")[2] for path in api.app.openapi()["paths"] if "/sign-off/" in path}
    assert paths == set(SignOffAction) - {SignOffAction.RECUR}
    api.world.version()
    assert api("POST", f"/items/{api.item('credit/fraud/1')['id']}/sign-off/recur", {}).status_code == 404


def test_an_environment_that_warns_wants_a_yes(api):
    api.world.version()
    path = "/projects/credit/models/fraud/versions/1/activate"
    wanted = api("POST", path, {"environment": "test"})
    assert (wanted.status_code, wanted.json()["type"]) == (409, "urn:driftgate:problem:ConfirmationNeeded")
    assert api.post(path, {"environment": "test", "confirm": True})["confirmed"] is True


def test_an_emergency_takes_two_people_and_a_third_looks_at_it(api):
    api.world.version()
    body = {"model": "fraud", "version": 1, "environment": "prod", "reason": "the old one rejects every card"}
    number = api.post("/projects/credit/overrides", body)["id"]
    assert api("POST", f"/overrides/{number}/confirm", by="will").status_code == 409
    assert api.post(f"/overrides/{number}/confirm", by="finn")["decision"] == "OVERRIDDEN"
    reviewed = api.post(f"/overrides/{number}/review", {"comment": "right"}, by="flora")
    assert (reviewed["confirmed_by"], reviewed["reviewed_by"]) == ("finn", "flora")


def test_an_item_is_governed_its_fields_are_filled_and_its_steps_finished(api):
    number = api.item("credit")["id"]
    api.post(f"/items/{number}/govern", {"template": "standard", "children": True})
    seen = api("GET", f"/items/{number}/workflow")
    step = seen.json()["steps"][0]
    text = next(field["key"] for field in step["fields"] if field["kind"] == "text")
    path = f"/items/{number}/steps/{step['key']}"
    filled = api("PUT", f"{path}/fields/{text}", {"value": "explored"}, headers={"If-Match": seen.headers["etag"]})
    assert filled.status_code == 200
    assert filled.headers["etag"] != seen.headers["etag"]
    done = api.post(f"{path}/finish")
    assert [one["status"] for one in done["steps"]][:2] == ["FINISHED", "ONGOING"]
    assert api("POST", f"{path}/explode").status_code == 422


@pytest.mark.parametrize("name", ["notes.txt", "Überblick – Q1 ’final’.pdf", "résumé;x=y.html", "a" * 200])
def test_a_file_comes_back_as_it_was_under_its_name_to_be_saved(api, name):
    api.post("/items/1/govern", {"template": "standard"})
    content = bytes(range(256)) * 40
    file = api.post(file_place(api), files={"file": (name, content, "text/html")})
    assert file["name"] == name
    answer = api("GET", f"/items/1/files/{file['id']}")
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment; filename*=UTF-8''")
    assert not set(disposition.partition("''")[2]) & set('"; \\/\r\n')


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\x", "/etc/passwd", "a/b", ".."])
def test_the_name_of_a_file_is_never_a_path(api, name):
    api.post("/items/1/govern", {"template": "standard"})
    answer = api("POST", file_place(api), files={"file": (name, b"x")})
    assert answer.status_code == 422
    assert not list(api.world.artifacts.parent.glob("**/passwd"))


def test_a_file_that_was_altered_in_the_store_is_not_handed_out(api):
    api.post("/items/1/govern", {"template": "standard"})
    file = api.post(file_place(api), files={"file": ("a.txt", b"true")})
    (kept,) = (api.world.artifacts / "files").glob(f"*/{file['sha256']}")
    kept.write_bytes(b"false")
    answer = api("GET", f"/items/1/files/{file['id']}")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:driftgate:problem:ContentAltered")


def test_a_list_comes_in_pages_that_neither_repeat_nor_hide_anything(api):
    for _ in range(5):
        api.world.version()
    found, after = [], None
    while True:
        page = api.get(
            "/projects/credit/models/fraud/versions",
            params={"limit": 2, "sort": "number", **({"after": after} if after else {})},
        )
        assert len(page["items"]) <= 2
        found += [one["number"] for one in page["items"]]
        if (after := page["next"]) is None:
            break
    assert found == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("query", "field"),
    [("sort=colour", "sort"), ("limit=0", "limit"), ("limit=100000", "limit"), ("after=zzz", "after"), ("kind=x", "kind")],
)  # fmt: skip
def test_what_a_list_does_not_know_is_refused(api, query, field):
    answer = api("GET", f"/items?{query}")
    assert answer.status_code == 422
    assert field in answer.json()["detail"]


def test_items_are_found_by_their_path_and_by_what_they_are_below(api):
    api.world.version()
    assert api.item("credit/fraud/1")["kind"] == "version"
    paths = [one["path"] for one in api.get("/items", params={"below": "credit/fraud"})["items"]]
    assert paths == ["credit/fraud", "credit/fraud/1"]


def test_a_bundle_leaves_as_one_file_and_comes_in_again_nowhere_twice(api):
    version = api.world.version()
    api.post("/projects/credit/models/fraud/versions/1/activate", {"environment": "dev"})
    body = {"environment": "dev", "files": {"project.yaml": CONFIGURATION}, "code_revision": "0" * 7}
    made = api.post("/projects/credit/bundles", body)
    assert made["versions"] == {"fraud": version.number}
    answer = api("POST", "/projects/credit/bundles/1/export")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
    refused = api("POST", "/projects/credit/bundles/1/activate", json={"environment": "prod"})
    assert refused.status_code == 409
    last = api.get("/audit", params={"tag": "bundle:activation_refused"}, by="ada")["items"][0]
    assert last["subject"] == "credit/bundle-1"
    assert last["after"]["sentence"] == refused.json()["detail"]
    again = api("POST", "/bundles", files={"file": ("b.zip", answer.content)}, by="ada")
    assert again.status_code == 409
    assert "there already" in again.json()["detail"]
    broken = api("POST", "/bundles", files={"file": ("b.zip", b"no archive")}, by="ada")
    assert broken.status_code == 422
    assert tempfile.gettempdir() not in broken.text


def test_the_trail_is_verified_and_taken_out_with_an_anchor_that_a_third_party_can_use(api):
    api.world.version()
    assert api.get("/audit/verification", by="ada")["problems"] == []
    answer = api("POST", "/audit/export", by="ada")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        lines = packed.read("audit.jsonl").splitlines(keepends=True)
        anchor = read_anchor(packed.read("anchor.json").decode(), "anchor.json")
    assert check_export(lines, anchor).whole
    assert not check_export(lines[:-1], anchor).whole
    assert json.loads(lines[0])["line"]["number"] == 1


def test_evaluations_are_read_with_their_metrics_and_checks(world):
    from governance.web import create_app
    from tests.governance.web.conftest import Api, settings_of
    from tests.governance.web.filled import fill

    fill(world)
    api = Api(create_app(world.engine, settings_of(world), clock=world.now), world)
    (evaluation,) = api.get("/projects/credit/evaluations")["items"]
    assert (evaluation["store"], evaluation["labels"]) == ("monthly", {"month": "1"})
    metrics = {one["name"]: one["value"] for one in api.get("/evaluations/january/metrics")["items"]}
    assert metrics == {"accuracy": 0.9, "f1": None}
    assert api.get("/projects/credit/evaluations", params={"name": "January", "evaluated_by": "will"})["items"]
    assert api.get("/projects/credit/evaluations", params={"data": "other"})["items"] == []
    for unsorted in ("name", "data", "-evaluated_by"):
        answer = api("GET", "/projects/credit/evaluations", params={"sort": unsorted})
        assert answer.status_code == 422
    (check,) = api.get("/evaluations/january/checks", params={"outcome": "OK"})["items"]
    assert check["bounds"] == {"minimum": 0.5}


def test_the_key_of_every_list_is_in_one_row_only():
    """Otherwise rows that are equal to the last of a page get lost."""
    from governance.listing import Listing
    from governance.web import routes

    modules = [module for module in vars(routes).values() if isinstance(module, ModuleType)]
    found = [listing for module in modules for listing in vars(module).values() if isinstance(listing, Listing)]
    assert len(found) > 5
    for listing in found:
        key = listing.key.property.columns[0] if hasattr(listing.key, "property") else listing.key
        # Of several that are the key together, the others are the same in the whole list: metrics of one evaluation.
        assert key.unique or key.primary_key, f"{key} is not unique"
