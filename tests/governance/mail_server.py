"""A mail server of a few lines: it takes messages, refuses them, drips, or never answers, as a test wants."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from time import sleep
from typing import Any


@dataclass
class MailServer:
    """What a test sets, and what it reads."""

    port: int = 0
    refuses: set[str] = field(default_factory=set)
    """Recipients, or ``everybody``."""
    hangs: bool = False
    drips: bool = False
    """It says a letter now and then, for a few seconds."""
    arrived: list[tuple[str, EmailMessage]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?from=driftgate@localhost"


@contextmanager
def mail_server() -> Iterator[MailServer]:
    said = MailServer()

    class Conversation(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            if said.hangs:
                sleep(3)
                return
            if said.drips:
                for _ in range(30):
                    self.wfile.write(b"2")
                    sleep(0.1)
                return
            self.say("220 here")
            recipients: list[str] = []
            for line in iter(self.rfile.readline, b""):
                word = line.decode().strip()
                match word.upper().partition(" ")[0]:
                    case "RCPT":
                        recipient = word.partition("<")[2].partition(">")[0]
                        if said.refuses & {recipient, "everybody"}:
                            self.say("550 no such mailbox")
                            continue
                        recipients.append(recipient)
                        self.say("250 ok")
                    case "DATA":
                        self.say("354 go on")
                        lines: list[bytes] = []
                        while (part := self.rfile.readline()) != b".\r\n":
                            lines.append(part.removeprefix(b"."))  # a dot was put in front of a dot
                        message: Any = message_from_bytes(b"".join(lines), policy=policy.default)
                        said.arrived += [(recipient, message) for recipient in recipients]
                        self.say("250 taken")
                    case "QUIT":
                        self.say("221 bye")
                        return
                    case _:
                        self.say("250 ok")

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Conversation) as server:
        said.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield said
        server.shutdown()
