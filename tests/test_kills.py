"""A few kills of ``tests/kills.py`` in every run of the suite; ``make kills`` does thirty."""

import pytest

from tests.kills import main


@pytest.mark.slow
@pytest.mark.prefect
def test_nothing_is_half_done_after_a_kill():
    assert main(["--kills", "3", "--seed", "11"]) == 0
