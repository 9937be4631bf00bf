"""What the process says to the shell: 0 done, 1 refused or failed, 2 asked for in a wrong way."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from governance import errors

OK: Final = 0
FAILED: Final = 1
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130
TERMINATED: Final = 143
"""Stopped by Ctrl-C, and by SIGTERM, as shells say it."""

EXIT_CODES: Final[Mapping[type[errors.DriftgateError], int]] = MappingProxyType(
    {
        errors.UnreadableFile: FAILED,
        errors.SchemaMismatch: FAILED,
        errors.NoUsableTarget: FAILED,
        errors.TrainingImpossible: FAILED,
        errors.UnusableName: WRONG_USAGE,
        errors.UnusableValue: WRONG_USAGE,
        errors.ExpressionError: FAILED,
        errors.ProjectFileError: WRONG_USAGE,
        errors.TemplateError: WRONG_USAGE,
        errors.NotLoggedIn: FAILED,
        errors.TooManyAttempts: FAILED,
        errors.NotAllowed: FAILED,
        errors.ActRefused: FAILED,
        errors.ClockMovedBack: FAILED,
        errors.ClockAhead: FAILED,
        errors.NotFound: WRONG_USAGE,
        errors.TransitionNotAllowed: FAILED,
        errors.SignOffRefused: FAILED,
        errors.ActivationRefused: FAILED,
        errors.ConfirmationNeeded: FAILED,
        errors.ChangedMeanwhile: FAILED,
        errors.ContentAltered: FAILED,
        errors.ServerUnavailable: FAILED,
    }
)
"""Every error that can be raised, and its exit code."""


def exit_code(error: errors.DriftgateError) -> int:
    """The exit code of an error.

    Example:
        >>> exit_code(errors.NotFound("store", "drfit"))
        2
    """
    return EXIT_CODES.get(type(error), FAILED)
