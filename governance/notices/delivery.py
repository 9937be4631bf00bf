"""One message through one notification service, by Apprise; what goes wrong is said without a secret."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from governance.notices.hushing import hushed

LONGEST_PROBLEM: Final = 500

DEADLINE_SECONDS: Final = 30.0
"""For one message. A server that says a little now and then would keep each of its many time limits for ever."""

LOGGER: Final = "apprise"

_REASON: Final = "Socket Exception: "
"""How Apprise begins the only line that says why a connection failed."""

_NAMING_A_HOST: Final = frozenset(
    {"mailto", "mailtos", "json", "jsons", "xml", "xmls", "form", "forms", "http", "https"}
)
"""Kinds of URL in which a host is what stands where hosts stand. In others it is a token, a channel or a key."""

_SHORTEST_KEY: Final = 6
"""Shorter parts of a path or a query are words, and blotting them out would leave no sentence readable."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent.

    Args:
        subject: One line.
        text: For every service.
        html: A whole page that says the same; for those that send mail, unless their URL says ``format=text``.
    """

    subject: str
    text: str
    html: str = ""


def deliver(url: str, message: Message, *, within: float = DEADLINE_SECONDS, called: str) -> str:
    """Send one message. One whose service does not answer in time may arrive nevertheless, and again.

    Args:
        url: As Apprise writes it, passwords and keys included.
        message: What is sent.
        within: Seconds.
        called: What people call the URL: the name of the setting that holds it.

    Returns:
        Why it was not taken, without a secret of the URL; empty when it was.
    """
    came: list[str] = []
    sending = threading.Thread(
        target=lambda: came.append(_handed_over(url, message, called)), name="one message", daemon=True
    )
    sending.start()
    sending.join(within)
    if sending.is_alive():
        return f"it had not been taken after {within:g} seconds"
    return came[0] if came else "it was not taken"


def _handed_over(url: str, message: Message, called: str) -> str:
    with hushed(LOGGER) as said:
        import apprise  # it knows a hundred services, and importing them takes a second

        service: Any = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if service is None:
            return f"{called} holds no address that Apprise understands"
        has_room = bool(message.html) and len(message.html) <= service.body_maxlen
        as_page = has_room and service.notify_format is apprise.NotifyFormat.HTML
        if "overflow" not in dict(parse_qsl(urlsplit(url).query)) and not as_page:
            service.overflow_mode = apprise.OverflowMode.TRUNCATE  # a beginning is better than a refusal
        one = apprise.Apprise()
        one.add(service)
        try:
            taken = one.notify(
                title=message.subject,
                body=message.html if as_page else message.text,
                body_format=apprise.NotifyFormat.HTML if as_page else apprise.NotifyFormat.TEXT,
            )
        except Exception as error:  # the services are many and not ours: none may stop the other messages
            return without_secrets(f"{type(error).__name__}: {error}", url)
    if taken:
        return ""
    words = [line for level, line in said if level >= logging.WARNING or line.startswith(_REASON)]
    return without_secrets("; ".join(line.removeprefix(_REASON) for line in words) or "it was not taken", url)


def without_secrets(text: str, url: str) -> str:
    """A text without the user, the password and the keys of a URL, however they are spelled.

    Example:
        >>> without_secrets("ada:hunter22 was refused by mail.test", "mailtos://ada:hunter22@mail.test?from=x@test")
        '**** was refused by mail.test'
        >>> without_secrets("no bot 110:aBc_1", "tgram://110:aBc_1/chat")
        'no bot ****'
    """
    parts = urlsplit(url)
    account, _, place = parts.netloc.rpartition("@")
    likely = [*parts.path.split("/"), parts.fragment]
    likely += [value or name for name, value in parse_qsl(parts.query, keep_blank_values=True)]
    if parts.scheme not in _NAMING_A_HOST:
        likely += [place, *place.split(":")]
    secrets = [url, account, *account.split(":"), *(one for one in likely if len(one) >= _SHORTEST_KEY)]
    spellings = {spelling for one in secrets for spelling in (one, quote(one, safe=""), unquote(one))}
    for spelling in sorted(spellings - {""}, key=len, reverse=True):
        text = re.sub(re.escape(spelling), "****", text, flags=re.IGNORECASE)
    return " ".join(text.split())[:LONGEST_PROBLEM]
