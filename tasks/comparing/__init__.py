"""Whether one version is better than another on the same rows. No Prefect, no database."""

from tasks.comparing.gain import Gain, measure_gain

__all__ = ["Gain", "measure_gain"]
