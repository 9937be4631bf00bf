"""Reports: what channels are told of runs. Written by themselves, sent afterwards, grouped while a trouble goes on."""

from governance.notices import Sent
from governance.reports.causes import cause_of, tells_of_trouble
from governance.reports.incidents import News, decide_reports, latest_ended
from governance.reports.outbox import add_message, list_reports, state_of, supersede
from governance.reports.sending import send_due

__all__ = [
    "News",
    "Sent",
    "add_message",
    "cause_of",
    "decide_reports",
    "latest_ended",
    "list_reports",
    "send_due",
    "state_of",
    "supersede",
    "tells_of_trouble",
]
