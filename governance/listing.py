"""Lists in pages: filtered, sorted and cut in the database."""
