"""The sign-off: one table of moves, and the one function that makes them."""

from governance.signoff.rules import RULES, transition_diagram
from governance.signoff.showing import allowed_actions, show, status_of
from governance.signoff.signing import Request, sign

__all__ = ["RULES", "Request", "allowed_actions", "show", "sign", "status_of", "transition_diagram"]
