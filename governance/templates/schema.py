"""A governance template: for each kind of item the steps of its workflow and their fields, and the rules of sign-offs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from governance.errors import NotFound
from governance.project_file.section import Key, Section
from governance.templates.sign_off_rules import SignOffRules, SignOffSection
from governance.vocabulary import FieldKind, ItemKind

Shown = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""Words for people."""


class TemplateField(Section):
    """Something that people fill in."""

    key: Key
    name: Shown
    kind: FieldKind = FieldKind.TEXT
    required: bool = Field(default=False, description="Whether its step can only be finished when it is filled in.")
    minimum: float | None = Field(default=None, description="Of a number; the bound itself is allowed.")
    maximum: float | None = Field(default=None, description="Of a number; the bound itself is allowed.")
    choices: list[Shown] = Field(default=[], max_length=100, description="What a category can be.")


class TemplateStep(Section):
    """One step of a workflow."""

    key: Key
    name: Shown
    fields: list[TemplateField] = Field(default=[], max_length=100)


class Workflow(Section):
    """What one kind of item goes through."""

    overview: list[TemplateField] = Field(default=[], description="Fields of the item itself, beside its steps.")
    steps: list[TemplateStep] = Field(min_length=1, max_length=50)
    sign_off_step: str | None = Field(default=None, description="Key of the step that carries the sign-off.")

    def step(self, key: str) -> TemplateStep:
        """The step of that key. Raises :class:`NotFound` with the known keys."""
        for step in self.steps:
            if step.key == key:
                return step
        raise NotFound("step of this workflow", key, [step.key for step in self.steps], "name one of them")

    def field(self, step: str, key: str) -> TemplateField:
        """The field of that key in a step, or of the overview when the step is empty.

        Raises:
            NotFound: with the known keys.
        """
        fields = self.step(step).fields if step else self.overview
        for field in fields:
            if field.key == key:
                return field
        place = f"step {step!r}" if step else "the overview"
        raise NotFound(f"field of {place}", key, [field.key for field in fields], "name one of them")

    def from_sign_off_on(self, step: str) -> bool:
        """Whether a step is the one that carries the sign-off, or comes after it."""
        keys = [one.key for one in self.steps]
        return self.sign_off_step is not None and keys.index(step) >= keys.index(self.sign_off_step)


class GovernanceTemplate(Section):
    """A whole template. Models have no workflow of their own."""

    title: Shown
    description: str = ""
    project: Workflow | None = None
    version: Workflow | None = None
    bundle: Workflow | None = None
    sign_off: SignOffSection = SignOffSection()

    def workflow(self, kind: ItemKind) -> Workflow | None:
        """What items of a kind go through; none: this template says nothing of them."""
        return {
            ItemKind.PROJECT: self.project,
            ItemKind.MODEL: None,
            ItemKind.VERSION: self.version,
            ItemKind.BUNDLE: self.bundle,
        }[kind]

    def sign_off_rules(self, kind: ItemKind) -> SignOffRules | None:
        """The rules for the sign-offs of a kind; none: no step of its workflow carries one."""
        workflow = self.workflow(kind)
        return None if workflow is None or workflow.sign_off_step is None else self.sign_off.rules()
