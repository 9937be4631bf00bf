"""The stories: one file, one flow, in which order the work is done."""
