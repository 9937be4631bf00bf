"""Whether the parts of a template fit together: keys mean one thing each, and fields are what their kind can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from governance.project_file.lines import Location
from governance.templates.schema import GovernanceTemplate, TemplateField, Workflow
from governance.vocabulary import FieldKind, ItemKind

Problem = tuple[Location, str, str]
"""Where, what is wrong, what to do."""


def misfits(template: GovernanceTemplate) -> Iterator[Problem]:
    """Everything in a template that its parts contradict each other in."""
    workflows = {kind.value: workflow for kind in ItemKind if (workflow := template.workflow(kind)) is not None}
    if not workflows:
        yield (), "it has no workflow", "give it one for project, version or bundle"
    for kind, workflow in workflows.items():
        yield from _in_workflow((kind,), workflow)
    groups = template.sign_off.feedback_groups
    for position, group in enumerate(template.sign_off.required_feedback):
        if group not in groups:
            known = ", ".join(groups) or "(there is none)"
            yield (
                ("sign_off", "required_feedback", position),
                f"there is no feedback group {group!r}",
                f"use one of {known}",
            )
    if template.sign_off.mandatory and not any(one.sign_off_step for one in workflows.values()):
        yield ("sign_off", "mandatory"), "no step carries the sign-off", "name the step in sign_off_step of a workflow"


def _in_workflow(where: Location, workflow: Workflow) -> Iterator[Problem]:
    keys = [step.key for step in workflow.steps]
    yield from _doubled((*where, "steps"), "steps", keys)
    if workflow.sign_off_step is not None:
        place = (*where, "sign_off_step")
        if where == (ItemKind.PROJECT.value,):
            yield place, "a project has no sign-off", "remove it; versions and bundles are signed"
        elif workflow.sign_off_step not in keys:
            yield place, f"there is no step {workflow.sign_off_step!r}", f"use one of {', '.join(keys)}"
    yield from _in_fields((*where, "overview"), workflow.overview)
    for position, field in enumerate(workflow.overview):
        if field.required:
            problem = "the overview is no step, so nothing can wait for it"
            yield (*where, "overview", position, "required"), problem, "move the field into a step"
    for position, step in enumerate(workflow.steps):
        yield from _in_fields((*where, "steps", position, "fields"), step.fields)


def _in_fields(where: Location, fields: Sequence[TemplateField]) -> Iterator[Problem]:
    yield from _doubled(where, "fields", [field.key for field in fields])
    for position, field in enumerate(fields):
        yield from _in_field((*where, position), field)


def _in_field(where: Location, field: TemplateField) -> Iterator[Problem]:
    for bound in ("minimum", "maximum"):
        if getattr(field, bound) is not None and field.kind is not FieldKind.NUMBER:
            yield (
                (*where, bound),
                f"a field of kind {field.kind} has no {bound}",
                "remove it, or make the field a number",
            )
    if field.minimum is not None and field.maximum is not None and field.minimum > field.maximum:
        problem = f"the minimum {field.minimum:g} is above the maximum {field.maximum:g}"
        yield (*where, "minimum"), problem, "exchange them"
    if field.kind is FieldKind.CATEGORY and not field.choices:
        yield (*where, "choices"), "a category without choices can't be filled in", "add choices"
    if field.choices and field.kind is not FieldKind.CATEGORY:
        problem = f"a field of kind {field.kind} has no choices"
        yield (*where, "choices"), problem, "remove them, or make the field a category"
    for position, choice in enumerate(field.choices):
        if choice in field.choices[:position]:
            yield (*where, "choices", position), f"the choice {choice!r} is there twice", "remove one of them"


def _doubled(where: Location, kind: str, keys: Sequence[str]) -> Iterator[Problem]:
    for position, key in enumerate(keys):
        if key in keys[:position]:
            yield (*where, position, "key"), f"two {kind} have the key {key!r}", "give each its own key"
