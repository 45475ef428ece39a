"""A rule looks the same in every figure, and a script may draw a supplement."""

import re
from pathlib import Path

import numpy as np
import pytest

from fwp_neuro import figure_scripts, plotting, rules
from fwp_neuro.errors import FwpError
from fwp_neuro.targets import Row

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(
    path for part in ("figures", "models", "notebooks")
    for path in (ROOT / part).glob("*.py")
)  # fmt: skip


def test_no_two_rules_look_the_same_and_none_like_a_realisation():
    looks = [tuple(plotting.rule_look(name).values()) for name in rules()]
    assert len(set(looks)) == len(looks)
    colours = {colour for colour, _ in looks}
    assert not colours & {*plotting.COLOURS.values(), plotting.GREY, "black"}
    assert plotting.rule_look("softmax_attention")["color"] == "black"
    with pytest.raises(FwpError, match="unknown rule 'detla'; did you mean 'delta'"):
        plotting.rule_look("detla")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_gives_a_rule_a_colour_of_its_own(path):
    keyed = rf"[\"'](?:{'|'.join(rules())})[\"']: *\(?[\"'](?:#|black|[a-z]*', *[\"']#)"
    assert not re.findall(keyed, path.read_text())


def test_a_supplement_is_drawn_beside_the_picture(home, edit):
    script = home / "figures/fig01_toy.py"
    script.write_text(f"{script.read_text()}\n\nsupplement = plot\n")
    quiet = {"progress": lambda fraction, note: None}
    made = home / "made"
    drawn = figure_scripts.make("fig01_toy", out=made, formats=["svg"], **quiet)
    assert [path.name for path in drawn.further] == [
        "fig01_toy.svg", "fig01_toy_supplement.png", "fig01_toy_supplement.svg",
        "fig01_toy.nc",
    ]  # fmt: skip
    assert (made / "fig01_toy_supplement.svg").read_text().startswith("<?xml")
    before = drawn.picture.read_bytes()
    edit(script, "supplement = plot", "def supplement(data):\n    raise ValueError")
    edit(script, 'color=COLOUR', 'color="blue"')
    with pytest.raises(ValueError):
        figure_scripts.make("fig01_toy", out=made, **quiet)
    assert drawn.picture.read_bytes() == before  # both, or none


@pytest.fixture
def validation():
    return figure_scripts.script_named("fig15_validation")


def row(value, tolerance=0.1, kind="value", **more):
    return Row("a_model", "a number", value, 1.0, tolerance, "a paper", kind, **more)


@pytest.mark.parametrize(
    ("one", "share"),
    [
        (row(1.05), 0.5), (row(0.7), 3.0), (row(2.0, kind="at least"), 0.0),
        (row(0.9, kind="at least"), 1.0), (row(2.0, 0.0, "at most"), np.inf),
        (row(1.0, 0.0), 0.0),
    ],
)  # fmt: skip
def test_a_row_is_off_by_a_share_of_its_tolerance(validation, one, share):
    assert validation.share_of_tolerance(one) == pytest.approx(share)


def test_every_row_is_drawn_and_every_miss_named(validation):
    import json

    import xarray as xr

    rows = [row(1.05, curve=name, x=1.0, axes=("x", "y")) for name in validation.DENSE]
    rows += [row(3.0, strength=strength) for strength in validation.BASES]
    kept = [
        {name: one.record()[name] for name in row(1.0).record()
         if name not in ("passed", "expected", "strong")} for one in rows
    ]  # fmt: skip
    x = np.tile(np.linspace(0, 1, 5), (len(validation.DENSE), 1))
    data = xr.Dataset(
        {"x": (("curve", "point"), x), "dense": (("curve", "point"), x**2)},
        attrs={"rows": json.dumps(kept)},
    )
    figure = validation.plot(data)
    above, *panels, below = figure.axes
    dots = [line for line in above.lines if line.get_markeredgewidth() == 0]
    assert sum(len(line.get_xdata()) for line in dots) == len(rows)
    assert [text.get_text() for text in below.texts] == [
        f"{n + 1}  a_model: a number (20.0)" for n in range(len(validation.BASES))
    ]
    assert "7 of 15" in above.get_title(loc="left") and len(panels) == 6
    drawn = [line for ax in panels for line in ax.lines if len(line.get_xdata()) == 5]
    assert len(drawn) == len(validation.DENSE)
