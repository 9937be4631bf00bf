"""Start a scenario when the files of a data source are others than before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from deployments.triggers.files import Place, Stamp, files_at
from deployments.triggers.sight import Sight, digest_of, key_for
from governance.errors import UnreadableFile
from governance.project_file import DatasetChange, Project

NAMED: Final = 10_000
"""Files of a series that are kept by name. Of more it is known that something changed, and not which."""


class DatasetLookout:
    """Looks at names, sizes and times of change.

    Args:
        project: Whose data source.
        trigger: Which, with its marker file and its quiet time.
        clock: Seconds that only grow, whatever is done to the clock of the machine.
    """

    def __init__(
        self, project: Project, trigger: DatasetChange, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.label = f"dataset_change {trigger.data}"
        self.every_seconds = trigger.every_seconds
        self._source = trigger.data
        path = project.data[trigger.data].path
        self._place = None if path is None else Place(project.folder, path)
        self._marker = None if trigger.marker is None else Place(project.folder, trigger.marker)
        self._quiet_seconds = trigger.quiet_seconds
        self._clock = clock
        self._last = ""
        self._since = clock()
        self.key = key_for(self.label, {"path": path, "marker": trigger.marker})

    def look(self, before: Mapping[str, Any] | None) -> Iterable[Sight]:
        """A sight that starts a run: the files have changed, the marker has too if one is wanted, and all is quiet."""
        if self._place is None:
            problem, remedy = "a query has no files to watch", "use a trigger of kind sql_change instead"
            raise UnreadableFile(self._source, problem, remedy)
        # The marker first: of what is complete by it, no file can come after the look at the files.
        marker = None if self._marker is None else next(iter(files_at(self._marker).values()), None)
        files = files_at(self._place)
        seen = _as_kept(files, marker)
        quiet = self._is_quiet(seen["digest"])
        if before is None:
            return [Sight(seen)]
        marked = marker is not None and list(marker) != before["marker"]
        if seen["digest"] == before["digest"]:
            # A marker of a delivery that brought nothing new says nothing of the next one.
            return [Sight({**before, "marker": seen["marker"]})] if marked else []
        if not quiet or not (marked or self._marker is None):
            return []
        return [Sight(seen, starts=True, parameters=self._data(before["files"], seen["files"]))]

    def _is_quiet(self, digest: str) -> bool:
        """Whether nothing has changed for long enough; a watcher that was just started has seen nothing change yet."""
        if digest != self._last:
            self._last, self._since = digest, self._clock()
        return self._clock() - self._since >= self._quiet_seconds

    def _data(self, before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> dict[str, Any]:
        """The one part that is new, when nothing else has changed: that is what the run is about."""
        if before is None or now is None or self._place is None or "*" not in self._place.written:
            return {}
        new = now.keys() - before.keys()
        if len(new) != 1 or any(now.get(part) != stamp for part, stamp in before.items()):
            return {}
        return {"data": f"{self._source}:{next(iter(new))}"}


def _as_kept(files: Mapping[str, Stamp], marker: Stamp | None) -> dict[str, Any]:
    listed = {name: list(files[name]) for name in sorted(files)}
    return {
        "digest": digest_of(listed),
        "files": listed if len(listed) <= NAMED else None,
        "marker": None if marker is None else list(marker),
    }
