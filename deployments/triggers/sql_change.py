"""Start a scenario when a query gives other rows than before."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

from deployments.triggers.sight import Sight, key_for
from governance.errors import NotFound, UnreadableFile
from governance.project_file import SqlChange

ROWS: Final = 10_000
"""More than this are not watched: the database says better itself what is new, with a maximum or a count."""

_AT_ONCE: Final = 1_000


class QueryLookout:
    """Looks at the rows of a query, of which it keeps a hash."""

    def __init__(self, trigger: SqlChange) -> None:
        self.label = f"sql_change {trigger.url_variable}"
        self.every_seconds = trigger.every_seconds
        self._query = trigger.query
        self._variable = trigger.url_variable
        self.key = key_for(self.label, {"query": trigger.query})

    def look(self, before: Mapping[str, Any] | None) -> Iterable[Sight]:
        """A sight that starts a run: the rows are others, or they come in another order."""
        address = os.environ.get(self._variable)
        if not address:
            remedy = "set it to the SQLAlchemy URL of the database, and start the watcher again"
            raise NotFound("environment variable", self._variable, (), remedy)
        rows = self._digest(address)
        if before is None:
            return [Sight({"rows": rows})]
        return [] if rows == before["rows"] else [Sight({"rows": rows}, starts=True)]

    def _digest(self, address: str) -> str:
        from tasks.data.queries import Query, query_batches, query_header

        query, digest, found = Query(self.label, self._query, address), hashlib.sha256(), 0
        for batch in query_batches(query, query_header(query), _AT_ONCE, digest):
            found += batch.num_rows
            if found > ROWS:
                problem = f"it gives more than {ROWS:,} rows"
                raise UnreadableFile(self.label, problem, "ask for few, e.g. SELECT max(id), count(*) FROM loans")
        return digest.hexdigest()
