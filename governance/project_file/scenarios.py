"""What runs when: scenarios, their steps, what starts them and who is told."""

from __future__ import annotations

from pydantic import Field

from governance.project_file.reporters import Reporter
from governance.project_file.section import Key, Section
from governance.project_file.steps import AnyStep
from governance.project_file.triggers import AnyTrigger, Schedule
from governance.vocabulary import Collision

Value = str | int | float | bool | None


class Scenario(Section):
    """An ordered list of steps."""

    name: str = Field(min_length=1, description="As people read it.")
    schedule: Schedule | None = None
    triggers: list[AnyTrigger] = Field(default=[], description="What else starts it.")
    collision: Collision = Field(default=Collision.WAIT, description="When it would begin while it goes on already.")
    variables: dict[Key, Value] = Field(
        default={}, description="Values that its steps use; a run can be given others as parameters."
    )
    reporters: list[Reporter] = Field(default=[])
    steps: list[AnyStep] = Field(min_length=1)
