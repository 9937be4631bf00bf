"""Items: everything that can be governed, what governance made of it, and the templates that it is governed with."""

from governance.items.acting import LOCKING, changed, facts_of, lock_on, looked_at, write
from governance.items.appearing import SIGNED, Governed, appear, configuration_of, item_of, kind_of
from governance.items.finding import find_item, items_for, list_items, template_of
from governance.items.governing import govern, move
from governance.items.hiding import hide, unhide
from governance.items.revisions import (
    activate_template,
    archive_template,
    change_template,
    draft_template,
    find_template,
    install_templates,
    list_templates,
    title_of,
)

__all__ = [
    "LOCKING",
    "SIGNED",
    "Governed",
    "activate_template",
    "appear",
    "archive_template",
    "change_template",
    "changed",
    "configuration_of",
    "draft_template",
    "facts_of",
    "find_item",
    "find_template",
    "govern",
    "hide",
    "install_templates",
    "item_of",
    "items_for",
    "kind_of",
    "list_items",
    "list_templates",
    "lock_on",
    "looked_at",
    "move",
    "template_of",
    "title_of",
    "unhide",
    "write",
]
