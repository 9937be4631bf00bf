"""Telling how far work has come."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Somebody to tell how far the work has come."""

    def __call__(self, stage: str, share: float | None = None, /) -> None:
        """Say what is being done, and the share of it that is done, 0 to 1, where it is known."""


def say_nothing(stage: str, share: float | None = None, /) -> None:
    """Progress that nobody asked for."""
