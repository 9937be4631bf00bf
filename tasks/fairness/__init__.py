"""Whether groups of rows are treated alike, measured by Fairlearn."""
