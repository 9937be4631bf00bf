"""The workflow of an item: its steps, its fields, and the files attached to them."""

from governance.workflow.filing import LARGEST_FILE_BYTES, attach_file, find_attachment, read_file, remove_file
from governance.workflow.filling import set_field
from governance.workflow.moving import move_step
from governance.workflow.rules import RULES, StepAction
from governance.workflow.showing import show_workflow
from governance.workflow.state import Course, course_of

__all__ = [
    "LARGEST_FILE_BYTES",
    "RULES",
    "Course",
    "StepAction",
    "attach_file",
    "course_of",
    "find_attachment",
    "move_step",
    "read_file",
    "remove_file",
    "set_field",
    "show_workflow",
]
