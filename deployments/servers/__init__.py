"""Prefect servers under our control: one for the duration of a command, or one that stays (``driftgate serve``)."""
