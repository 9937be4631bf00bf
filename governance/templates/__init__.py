"""Governance templates: workflow steps, fields, and which step carries a sign-off under which rules."""

from governance.templates.reading import read_template
from governance.templates.sign_off_rules import SignOffRules

__all__ = ["SignOffRules", "read_template"]
