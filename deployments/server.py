"""The door to the servers: one for the duration of a command, or one that stays; and the watcher beside one's own."""

from __future__ import annotations

from deployments.servers.processes import Progress
from deployments.servers.serving import serve
from deployments.servers.short_lived import prefect_server
from deployments.servers.watching import watch

__all__ = ["Progress", "prefect_server", "serve", "watch"]
