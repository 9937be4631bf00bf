"""The document of a model version. No Prefect, no database."""

from tasks.documents.content import document_of
from tasks.documents.facts import Judged, VersionFacts
from tasks.documents.html import as_html
from tasks.documents.markdown import as_markdown

__all__ = ["Judged", "VersionFacts", "as_html", "as_markdown", "document_of"]
