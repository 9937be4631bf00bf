"""The door to the servers: one for the duration of a command, or one that stays."""

from __future__ import annotations

from deployments.servers.processes import Progress
from deployments.servers.serving import serve
from deployments.servers.short_lived import prefect_server

__all__ = ["Progress", "prefect_server", "serve"]
