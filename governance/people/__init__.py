"""People: who they are, and which roles they have where."""

from governance.people.declaring import Place, bring_in, declared_places, in_order, last_declared, recorded_places

__all__ = ["Place", "bring_in", "declared_places", "in_order", "last_declared", "recorded_places"]
