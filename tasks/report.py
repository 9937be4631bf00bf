"""Tell channels of the beginning and the end of runs."""
