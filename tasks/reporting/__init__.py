"""What a report says: subject, text and page, from plain data. No Prefect, no database."""

from tasks.reporting.messages import message_page
from tasks.reporting.story import Finding, Step, Story
from tasks.reporting.writing import Written, write

__all__ = ["Finding", "Step", "Story", "Written", "message_page", "write"]
