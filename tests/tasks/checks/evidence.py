"""What checks look at, made of plain numbers."""

from governance.vocabulary import Measurement
from tasks.checks import Evidence


def metrics(**values):
    return {name: Measurement(name, value) for name, value in values.items()}


def evidence(m, *before, folder=None, **others):
    """One metric ``m``, its values in the evaluations before, the one before first, and other metrics."""
    found = Evidence(metrics(m=m, **others), [metrics(m=value) for value in before])
    return found if folder is None else Evidence(found.latest, found.history, folder)
