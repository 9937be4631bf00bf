"""Governance templates: workflow steps, fields, and which step carries a sign-off under which rules."""

from governance.templates.reading import SHIPPED, examine_template, read_template, shipped_source
from governance.templates.schema import GovernanceTemplate, TemplateField, TemplateStep, Workflow
from governance.templates.sign_off_rules import SignOffRules
from governance.templates.values import accepted, from_text, unwritable

__all__ = [
    "SHIPPED",
    "GovernanceTemplate",
    "SignOffRules",
    "TemplateField",
    "TemplateStep",
    "Workflow",
    "accepted",
    "examine_template",
    "from_text",
    "read_template",
    "shipped_source",
    "unwritable",
]
