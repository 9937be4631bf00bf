"""Signs of life of runs, and the end of those that show none."""
