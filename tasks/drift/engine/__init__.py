"""The one door to Evidently: snapshots of what was found, its tests by name, its report, its interface.

Importing this package imports the part of Evidently that snapshots and tests need, in a third of a second: import it
where a snapshot is taken. What else there is has a module of its own: :mod:`tasks.drift.engine.report` for the visual
report, :mod:`tasks.drift.engine.workspace` for the interface. Nothing here reports usage.
"""

from tasks.drift.engine.snapshots import take_snapshot
from tasks.drift.engine.stattests import evidently_score

__all__ = ["evidently_score", "take_snapshot"]
