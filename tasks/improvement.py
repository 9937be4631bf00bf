"""Compare a new version with the active one, on the same rows."""
