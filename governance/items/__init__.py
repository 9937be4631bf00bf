"""Items: everything that can be governed, and what governance made of it."""

from governance.items.appearing import SIGNED, Governed, appear, configuration_of, item_of, kind_of

__all__ = ["SIGNED", "Governed", "appear", "configuration_of", "item_of", "kind_of"]
