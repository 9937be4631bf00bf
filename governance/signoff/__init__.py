"""The sign-off: one table of moves, and the one function that makes them."""

from governance.signoff.delegating import delegate, delegations_of, end_delegation
from governance.signoff.recurring import recur_due
from governance.signoff.rules import RULES, transition_diagram
from governance.signoff.showing import allowed_actions, show, status_of
from governance.signoff.signing import Request, sign
from governance.signoff.subscribing import subscribe, subscribers_of, unsubscribe

__all__ = [
    "RULES",
    "Request",
    "allowed_actions",
    "delegate",
    "delegations_of",
    "end_delegation",
    "recur_due",
    "show",
    "sign",
    "status_of",
    "subscribe",
    "subscribers_of",
    "transition_diagram",
    "unsubscribe",
]
