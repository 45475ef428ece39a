"""Slips in numbers and texts are caught; `python tests/mutations.py` prints by what."""

import re
import subprocess
import sys

import mutations
import pytest


def test_every_slip_changes_one_place_of_the_package():
    assert len(mutations.SLIPS) == len(set(mutations.SLIPS)) == 40
    for slip in mutations.SLIPS:
        assert mutations.slipped(slip) != (mutations.TOP / slip.file).read_text(
            encoding="utf-8"
        )


@pytest.mark.slow
def test_at_least_38_of_40_slips_are_caught():
    command = [sys.executable, mutations.__file__]
    run = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"caught (\d+) of 40", run.stdout)
    assert found and int(found[1]) >= 38, run.stdout + run.stderr
    assert run.returncode == 0
