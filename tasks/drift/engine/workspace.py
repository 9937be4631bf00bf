"""Snapshots for Evidently's interface: a workspace made of them, and its server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from tasks.drift.engine.deferring import deferred
from tasks.drift.engine.snapshots import Measured
from tasks.metrics.catalogue import METRICS

with deferred("evidently"):
    import uvicorn
    from evidently.core.serialization import SnapshotModel
    from evidently.sdk.models import DashboardModel, DashboardTabModel, PanelMetric, ProjectModel
    from evidently.sdk.panels import line_plot_panel
    from evidently.ui.service.app import create_app, get_config
    from evidently.ui.storage.local.base import LocalState

HOST: Final = "127.0.0.1"
"""The interface asks nobody who they are: it is for this machine only."""


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """A snapshot as it was recorded.

    Args:
        identity: What no other snapshot has, e.g. evaluation and file: its address in the interface stays the same.
        content: Evidently's JSON.
        name: As the interface shows it.
        metadata: Added to those that it has.
    """

    identity: str
    content: bytes
    name: str
    metadata: Mapping[str, str]


def write_workspace(folder: Path, stores: Mapping[str, Iterable[StoredSnapshot]]) -> dict[str, int]:
    """Make a workspace: a project per store, with a chart of every metric that its snapshots have.

    Args:
        folder: Empty, or not there yet.
        stores: Name of a store: its snapshots. Evidently's interface holds all of them in memory, about 1 MB each.

    Returns:
        Name of the store: how many snapshots it has.

    Raises:
        ValueError: a snapshot is none.
    """
    state = LocalState(str(folder))
    counts = {}
    for store, snapshots in stores.items():
        project = ProjectModel(id=_identity("store", store), name=store)
        state.write_project(project)
        charted: set[str] = set()
        counts[store] = 0
        for snapshot in snapshots:
            model = SnapshotModel.parse_obj(json.loads(snapshot.content))
            model.name = snapshot.name
            # The interface filters by metadata, and takes text only.
            model.metadata = {key: str(value) for key, value in model.metadata.items()} | dict(snapshot.metadata)
            state.write_snapshot(project.id, _identity("snapshot", store, snapshot.identity), model)
            charted |= model.metadata.keys() & METRICS.keys()
            counts[store] += 1
        state.write_dashboard(project.id, _dashboard(store, charted))
    return counts


def _identity(*parts: str) -> UUID:
    return uuid5(NAMESPACE_URL, "/".join(("driftgate", *parts)))


def _dashboard(store: str, charted: set[str]) -> Any:
    """One chart per metric, in the catalogue's order; ends of intervals and differences are on the snapshots."""
    rows = [METRICS[name] for name in METRICS if name in charted]
    panels = []
    for row in rows:
        series = PanelMetric(legend=row.name, metric=Measured.__name__, metric_labels={"name": row.name})
        panel = line_plot_panel(row.title, [series], size="half")
        panel.id = _identity("panel", store, row.name)
        panels.append(panel)
    tab = DashboardTabModel(id=_identity("tab", store), title="Metrics", panels=[panel.id for panel in panels])
    return DashboardModel(tabs=[tab], panels=panels)


def serve_workspace(folder: Path, port: int, *, ready: Callable[[str], None]) -> None:
    """Serve a workspace on this machine until SIGINT or SIGTERM, which is raised again once the server has stopped.

    Nothing is reported to Evidently's makers, whatever the environment says.

    Args:
        folder: As :func:`write_workspace` made it.
        port: That nobody listens on.
        ready: Is told the address as soon as the server answers there.
    """
    config = get_config(host=HOST, port=port, workspace=str(folder))
    config.telemetry.enabled = False
    config.storage.autorefresh = False
    with redirect_stdout(StringIO()):  # it prints what it is made of
        app = create_app(config)
    server = _Server(uvicorn.Config(app, host=HOST, port=port, log_level="warning"))
    server.ready = lambda: ready(f"http://{HOST}:{port}")
    server.run()


class _Server(uvicorn.Server):
    ready: Callable[[], None]

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.ready()
