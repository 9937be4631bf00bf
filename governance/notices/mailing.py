"""One message to one address, through Apprise; what goes wrong is said without a password."""

from __future__ import annotations

import logging
import threading
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from governance.tables.people import MAIL_ADDRESS

LONGEST_PROBLEM: Final = 500

DEADLINE_SECONDS: Final = 30.0
"""For one message. A server that says a little now and then would keep each of its many time limits for ever."""


def send_mail(mail_url: str, address: str, subject: str, body: str, *, within: float = DEADLINE_SECONDS) -> str:
    """Send one message. One whose server does not answer in time may arrive nevertheless, and again.

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
    came: list[str] = []
    sending = threading.Thread(
        target=lambda: came.append(_handed_over(mail_url, address, subject, body)), name="one message", daemon=True
    )
    sending.start()
    sending.join(within)
    if sending.is_alive():
        return f"the mail server had not taken it after {within:g} seconds"
    return came[0] if came else "the message was not taken"


def _handed_over(mail_url: str, address: str, subject: str, body: str) -> str:
    import apprise  # it knows a hundred services, and importing them takes a second

    capture: Any = apprise.LogCapture
    with capture(level=logging.DEBUG, fmt="%(levelname)s %(message)s") as log:
        service = apprise.Apprise.instantiate(addressed(mail_url, address), suppress_exceptions=True)
        try:
            taken = service is not None and service.notify(
                body=body, title=subject, body_format=apprise.NotifyFormat.TEXT
            )
        except Exception as error:  # the services are many and not ours: none may stop the other notices
            return without_secrets(f"{type(error).__name__}: {error}", mail_url)
        if taken:
            return ""
        lines = [line.partition(" ") for line in log.getvalue().splitlines()]
    said = [words for level, _, words in lines if level in {"WARNING", "ERROR"} or words.startswith("Socket Exception")]
    problem = "; ".join(said) if service is not None else "DRIFTGATE_MAIL_URL is no address that Apprise understands"
    return without_secrets(problem or "the message was not taken", mail_url)


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


def without_secrets(text: str, mail_url: str) -> str:
    """A text without the user, the password and the keys of a mail URL, however they are spelled.

    Example:
        >>> without_secrets("ada:hunter22 was refused by mail.test", "mailtos://ada:hunter22@mail.test?from=x@test")
        '****:**** was refused by mail.test'
    """
    parts = urlsplit(mail_url)
    account = parts.netloc.rpartition("@")[0].split(":")
    keys = [key for key in (*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))) if len(key) > 5]
    spellings = {spelling for one in (*account, *keys) for spelling in (one, quote(one, safe=""), unquote(one))}
    for spelling in sorted(spellings - {""}, key=len, reverse=True):
        text = text.replace(spelling, "****")
    return " ".join(text.split())[:LONGEST_PROBLEM]
