"""A world in which there is one of everything, for requests that try everything."""

from __future__ import annotations

from datetime import timedelta

from governance import bundles, items, workflow
from governance.audit import Actor
from governance.database import transaction
from governance.evaluations import find_store, record_check_results, record_evaluation
from governance.people import assign_role, create_group, create_token, find_user
from governance.registry import find_environment, find_project, request_override
from governance.signoff import delegate, subscribe
from governance.tables import CheckResult
from governance.vocabulary import CheckOutcome, FeedbackVerdict, Measurement, Right, Role, SignOffAction
from tests.governance.web.conftest import ADA, populate
from tests.governance.world import FINN, NOON, ROSA, WILL, World

LATER = NOON + timedelta(days=300)
CONFIGURATION = (
    "project: credit\ndata: {training: {path: t.csv}}\nmodels: {fraud: {target: y, prediction_type: binary}}\n"
)
"""A project.yaml that fits the world."""


def fill(world: World) -> str:
    """Have one of everything happen; return the secret of a token of Ada, who is given every role."""
    active = world.approved_version()
    world.activate(active)
    populate(world)
    waiting = world.version()
    world.sign(waiting, SignOffAction.REQUEST_FEEDBACK, WILL, notify=("rosa",))
    world.sign(waiting, SignOffAction.ADD_FEEDBACK, ROSA, verdict=FeedbackVerdict.MINOR_ISSUE, comment="hm")
    asked = world.version()
    at = world.now()
    with transaction(world.engine) as session:
        project = find_project(session, "credit")
        prod = find_environment(session, "credit", "prod")
        why = "the other one is broken"
        request_override(session, asked, prod, reason=why, artifacts=world.artifacts, actor=WILL, at=at)
        for role, group in [(Role.CONTRIBUTOR, ""), (Role.REVIEWER, "risk"), (Role.APPROVER, "")]:
            assign_role(session, "ada", role, project_id=project.id, group=group, actor=ADA, at=at)
        assign_role(session, "otto", Role.READER, project_id=project.id, actor=ADA, at=at)
        create_group(session, "office", actor=ADA, at=at)
        items.install_templates(session, at)
        template = items.find_template(session, "standard")
        item = items.find_item(session, "credit")
        items.govern(session, item, template, children=True, actor=WILL, at=at)
        overview = items.template_of(session, items.find_item(session, "credit")).workflow(item.kind)
        place = next((step.key, field.key) for step in overview.steps for field in step.fields if field.kind == "file")
        workflow.attach_file(
            session, item, *place, name="notes.txt", content=b"notes", artifacts=world.artifacts, actor=WILL, at=at
        )
        signed = items.item_of(session, waiting)
        delegate(session, signed, role=Role.APPROVER, group="", to="otto", person="finn", actor=FINN, at=at)
        subscribe(session, signed, "finn", actor=FINN, at=at)
        store = find_store(session, "credit", "monthly")
        measured = [Measurement("accuracy", 0.9, 0.88, 0.92, 1000), Measurement("f1", None, reason="no labels")]
        evaluation = record_evaluation(
            session, store, active, id="january", name="January", data="current", data_fingerprint="0" * 64, rows=10,
            sampled_rows=10, labelled_rows=None, labels={"month": "1"}, warnings=["few rows"], folder="e/1", files={},
            measurements=measured, actor=WILL, at=at,
        )  # fmt: skip
        found = CheckResult(
            evaluation_id="january", name="enough", type="numeric_range", metric="accuracy", outcome=CheckOutcome.OK,
            value=0.9, bounds={"minimum": 0.5}, message="fine", checked_at=at,
        )  # fmt: skip
        record_check_results(session, evaluation, [found], actor=WILL, at=at)
        with bundles.packed(
            session, project, environment=prod, artifacts=world.artifacts, files={"project.yaml": CONFIGURATION.encode()},
            code_revision="0000000", actor=WILL, at=at,
        ) as packed:  # fmt: skip
            bundles.make_bundle(session, packed, artifacts=world.artifacts, actor=WILL, at=at)
    with transaction(world.engine) as session:
        _, secret = create_token(
            session, find_user(session, "ada"), name="all", scope=list(Right), expires_at=LATER, actor=Actor("ada"), at=world.now()
        )  # fmt: skip
    return secret
