"""One notice to one address, and to no other."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from governance.notices.delivery import DEADLINE_SECONDS, Message, deliver
from governance.tables.people import MAIL_ADDRESS


def send_mail(mail_url: str, address: str, subject: str, body: str, *, within: float = DEADLINE_SECONDS) -> str:
    """Send one notice; see :func:`governance.notices.delivery.deliver`.

    Args:
        mail_url: As Apprise writes it, password included; the address becomes its ``to``.
        address: Of the recipient.
        subject: One line.
        body: Text.
        within: Seconds.

    Returns:
        Why it was not taken, without a secret of the URL; empty when it was.
    """
    if not MAIL_ADDRESS.fullmatch(address):
        return f"{address!r} is no e-mail address"
    return deliver(addressed(mail_url, address), Message(subject, body), within=within, called="DRIFTGATE_MAIL_URL")


def addressed(mail_url: str, address: str) -> str:
    """A mail URL with this recipient and no other; what people have written stays text.

    Example:
        >>> addressed("mailto://127.0.0.1:2525?from=driftgate@localhost&to=old@localhost", "ada@localhost")
        'mailto://127.0.0.1:2525?from=driftgate%40localhost&to=ada%40localhost&format=text'
    """
    parts = urlsplit(mail_url)
    kept = [
        (name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in {"to", "format"}
    ]
    return urlunsplit(parts._replace(query=urlencode([*kept, ("to", address), ("format", "text")])))
