"""Bundles: a project frozen and hashed, to be moved into another installation."""

from governance.bundles.activating import activate_bundle
from governance.bundles.exporting import export_bundle, note_export
from governance.bundles.finding import find_bundle, list_bundles, versions_here
from governance.bundles.importing import Unpacked, import_bundle, unpacked
from governance.bundles.making import Packed, make_bundle, packed
from governance.bundles.manifest import BundleManifest, PackedVersion
from governance.bundles.reading import Limits

__all__ = [
    "BundleManifest",
    "Limits",
    "Packed",
    "PackedVersion",
    "Unpacked",
    "activate_bundle",
    "export_bundle",
    "find_bundle",
    "import_bundle",
    "list_bundles",
    "make_bundle",
    "note_export",
    "packed",
    "unpacked",
    "versions_here",
]
