"""A receiver of webhooks of a few lines: it takes messages, answers an error, never answers, or is away, as a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class HttpReceiver:
    """What a test sets, and what it reads."""

    port: int = 0
    status: int = 200
    hangs: bool = False
    arrived: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/hook"

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.arrived]


@contextmanager
def http_receiver() -> Iterator[HttpReceiver]:
    said = HttpReceiver()

    class Conversation(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said.asked += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if said.hangs:
                said.over.wait(20)
                return
            if said.status == 200:
                said.arrived.append(json.loads(body))
            self.send_response(said.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Conversation) as server:
        said.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield said
        said.over.set()
        server.shutdown()
