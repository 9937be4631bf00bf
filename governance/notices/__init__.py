"""Notices: what people have to be told. Written with the act, sent afterwards, so that no mail server holds an act up."""

from governance.notices.telling import tell

__all__ = ["tell"]
