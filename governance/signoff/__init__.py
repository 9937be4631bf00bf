"""The sign-off: one table of moves, and the one function that makes them."""

from governance.signoff.conditions import Author, FinalApprover, MemberOfGroup, System, Writer
from governance.signoff.rules import RULES, Rule, transition_diagram
from governance.signoff.showing import allowed_actions, show
from governance.signoff.signing import Request, sign

__all__ = [
    "RULES",
    "Author",
    "FinalApprover",
    "MemberOfGroup",
    "Request",
    "Rule",
    "System",
    "Writer",
    "allowed_actions",
    "show",
    "sign",
    "transition_diagram",
]
