"""Slips in numbers and texts are caught; `python tests/mutations.py` prints by what."""

import mutations
import pytest


def test_every_slip_changes_one_place_of_the_package():
    assert len(mutations.SLIPS) == len(set(mutations.SLIPS)) == 40
    for slip in mutations.SLIPS:
        assert mutations.slipped(slip) != (mutations.TOP / slip.file).read_text(encoding="utf-8")


@pytest.mark.slow
def test_at_least_38_of_40_slips_are_caught(capsys):
    missed = mutations.main()
    printed = capsys.readouterr().out
    assert f"caught {40 - missed} of 40" in printed
    assert missed <= 2, printed
