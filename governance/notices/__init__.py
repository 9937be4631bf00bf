"""Notices: what people have to be told. Written with the act, sent afterwards, so that no mail server holds an act up."""

from governance.notices.finding import NOTICES, list_notices, state_of
from governance.notices.recipients import can_be_told, told_of
from governance.notices.sending import Sent, send_due
from governance.notices.telling import is_told, tell

__all__ = ["NOTICES", "Sent", "can_be_told", "is_told", "list_notices", "send_due", "state_of", "tell", "told_of"]
