"""Forty plausible slips in the package, and what catches each: `python
tests/mutations.py`.

The package is copied to a temporary folder. Each slip is one replacement in one file,
whose text must be found exactly once; then the table of published constants, the quick
validation of the model and at last the model's tests run until one of them fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).resolve().parent.parent
SYNAPSES = "fwp_neuro/synapses/"


class Slip(NamedTuple):
    """What is replaced in a file, the model it belongs to, and the tests of that
    model."""

    model: str
    file: str
    old: str
    new: str
    tests: str


NUMBERS = (
    Slip("triplet_stdp", SYNAPSES + "triplet_stdp/synapse.py", "(0, 6.5, 7.1",
         "(0, 13, 7.1", "triplet"),
    Slip("clopath_2010", SYNAPSES + "clopath_2010/synapse.py", '"A_LTP": 8e-5',
         '"A_LTP": 16e-5', "clopath_2010"),
    Slip("urbanczik_senn_2014", SYNAPSES + "urbanczik_senn_2014/synapse.py",
         '"tau_Delta": 100', '"tau_Delta": 50',
         "urbanczik_senn_2014"),
    Slip("payeur_2021", SYNAPSES + "payeur_2021/synapse.py", "(0.1, 50, 15,",
         "(0.1, 50, 30,", "payeur_2021"),
    Slip("graupner_brunel", SYNAPSES + "graupner_brunel/synapse.py", "725.085", "1450.17",
         "graupner_brunel"),
    Slip("shouval_2002", SYNAPSES + "shouval_2002/synapse.py", '"tau_Ca": 50',
         '"tau_Ca": 25', "shouval_2002"),
    Slip("bcpnn", SYNAPSES + "bcpnn/synapse.py", "10, 100, 3, 20, 1e-4",
         "10, 100, 3, 40, 1e-4", "bcpnn"),
    Slip("limbacher_2022", SYNAPSES + "limbacher_2022/synapse.py", '"gamma_minus": 0.3',
         '"gamma_minus": 0.6', "limbacher_2022"),
    Slip("behavioural_time_scale", SYNAPSES + "behavioural_time_scale/synapse.py",
         "863.9146", "431.9573", "behavioural_time_scale"),
    Slip("bcm", SYNAPSES + "bcm/synapse.py", '"tau_theta": 2 *', '"tau_theta": 4 *',
         "rate_rules"),
    Slip("vogels_2011", SYNAPSES + "vogels_2011/synapse.py", '"network": (3,',
         '"network": (6,', "rate_rules"),
    Slip("short_term_potentiation", SYNAPSES + "potentiation/synapse.py",
         '"tau_fast": 96', '"tau_fast": 48', "potentiation"),
    Slip("match_and_control", SYNAPSES + "match_and_control/synapse.py",
         '"sharpness": 20.0', '"sharpness": 10.0', "match_and_control"),
    Slip("point_spine", SYNAPSES + "point_spine/synapse.py", '"E_rest": -75',
         '"E_rest": 75', "point_spine"),
    Slip("gaba_a", SYNAPSES + "exponential_receptors/synapse.py",
         '"brunel_wang_2001": (10, -70', '"brunel_wang_2001": (10, 70', "receptors"),
    Slip("nmda_kinetic", SYNAPSES + "kinetic_receptors/synapse.py", "0.0066", "0.0132",
         "receptors"),
    Slip("nmda_per_cell", SYNAPSES + "nmda_receptors/synapse.py", '"tau_nmda": 100',
         '"tau_nmda": 50', "receptors"),
    Slip("tsodyks_markram", SYNAPSES + "tsodyks_markram/synapse.py", "_set(0.03, 530",
         "_set(0.03, 1060", "short_term"),
    Slip("magnesium_block", "fwp_neuro/synapses/magnesium.py", "0.062, 3.57,",
         "0.062, 7.14,", "synapses"),
    Slip("wang_2002_decision", "models/wang_2002_decision.py", '"E_inh": -70.0',
         '"E_inh": 70.0', "wang_2002"),
)  # fmt: skip
TEXTS = (
    Slip("triplet_stdp", SYNAPSES + "triplet_stdp/triplet_texts.py",
         'DEPRESS = "w -= o1*(A2_minus + A3_minus*r2)',
         'DEPRESS = "w -= o1*(A2_minus + A3_minus*r1)', "triplet"),
    Slip("vogels_2011", SYNAPSES + "vogels_2011/synapse.py",
         "eta*(y - 2*rho_0*tau), 0, inf)\\nx", "eta*(y + 2*rho_0*tau), 0, inf)\\nx",
         "rate_rules"),
    Slip("payeur_2021", SYNAPSES + "payeur_2021/synapse.py", "bursting = 1 - event\n",
         "bursting = event\n", "payeur_2021"),
    Slip("clopath_2010", SYNAPSES + "clopath_2010/synapse.py",
         "*above_plus_post*above_late_post", "*above_plus_post*above_minus_post",
         "clopath_2010"),
    Slip("urbanczik_senn_2014", SYNAPSES + "urbanczik_senn_2014/synapse.py",
         "-phi_star_post*h_star_post*psp_pre",
         "-phi_star_post*psp_pre*beta", "urbanczik_senn_2014"),
    Slip("graupner_brunel", SYNAPSES + "graupner_brunel/synapse.py",
         "gamma_p*(1 - rho)*above_p\n           -", "gamma_p*(1 - rho)*above_d\n         "
                                                    "  -",
         "graupner_brunel"),
    Slip("shouval_2002", SYNAPSES + "shouval_2002/synapse.py",
         "opens = P0*(1 - open_f - open_s)", "opens = P0",
         "shouval_2002"),
    Slip("bcpnn", SYNAPSES + "bcpnn/synapse.py",
         '_ON_PRE = "zij_R += zj_R/', '_ON_PRE = "zij_R += zi_R/', "bcpnn"),
    Slip("bcpnn", SYNAPSES + "bcpnn/event_text.py", "eij -= eps*a_{own}*jump_{own} +",
         "eij -= eps*a_{own}*jump_{own} -", "bcpnn"),
    Slip("limbacher_2022", SYNAPSES + "limbacher_2022/synapse.py",
         "gamma_minus*w*k**2)/step : 1", "gamma_minus*w*v**2)/step : 1",
         "limbacher_2022"),
    Slip("behavioural_time_scale", SYNAPSES + "behavioural_time_scale/synapse.py",
         "q_plus - w*k_minus*q_minus : 1", "q_plus + w*k_minus*q_minus : 1",
         "behavioural_time_scale"),
    Slip("oja", SYNAPSES + "oja/synapse.py", 'RULE = "dw/dt = eta*y_post*(x_pre - '
                                             'alpha*y_post*w)',
         'RULE = "dw/dt = eta*y_post*(x_pre - alpha*x_pre*w)', "rate_rules"),
    Slip("homeostatic_scaling", SYNAPSES + "homeostatic_scaling/synapse.py",
         "dw/dt = w*(1 - r_post/r_0)/tau_h : 1",
         "dw/dt = (1 - r_post/r_0)/tau_h : 1", "rate_rules"),
    Slip("use_dependent_potentiation", SYNAPSES + "potentiation/potentiation_texts.py",
         'on_post="P += nmda*A*s"', 'on_post="P += nmda*A*u"', "potentiation"),
    Slip("point_spine", SYNAPSES + "calcium_readouts.py",
         '"clip(ca - factor*p_pre', '"clip(ca + factor*p_pre',
         "point_spine"),
    Slip("match_and_control", SYNAPSES + "match_and_control/synapse.py",
         "dg_delayed/dt = (g - g_delayed)/tau_delay : 1",
         "dg_delayed/dt = (g + g_delayed)/tau_delay : 1", "match_and_control"),
    Slip("tsodyks_markram", SYNAPSES + "release_conventions.py",
         "release = u*x\\nx -= release", "release = u*x\\nx -= U*x", "short_term"),
    Slip("ampa", SYNAPSES + "exponential_receptors/synapse.py", "w*jump_{r}*gbar_{r}",
         "jump_{r}*gbar_{r}", "receptors"),
    Slip("nmda_kinetic", SYNAPSES + "kinetic_receptors/synapse.py",
         "bound_{r}*(1 - r_{r}) -", "bound_{r} -", "receptors"),
    Slip("nmda_per_cell", SYNAPSES + "receptor_current.py", '*(E_{name} - {voltage})"',
         '*({voltage} - E_{name})"', "receptors"),
)  # fmt: skip
SLIPS = NUMBERS + TEXTS


def slipped(slip: Slip, top: Path = TOP) -> str:
    """Return the text of the file with the slip in it; its old text must be there exactly
    once."""
    text = (top / slip.file).read_text(encoding="utf-8")
    assert text.count(slip.old) == 1, (slip, text.count(slip.old))
    return text.replace(slip.old, slip.new)


def check(model: str) -> str:
    """Return what fails first: the table, the two forms, or another row of the
    validation."""
    from fwp_neuro.targets import collect, constants_table, two_forms

    try:
        found = constants_table.differences(model)
        if found:
            return f"table of constants: {found[0]}"
        for row in chain(two_forms.rows(model), collect([model], quick=True)):
            if not row.expected:
                return f"validate: {row.quantity}"
    except Exception as problem:
        return f"validate: {type(problem).__name__}"
    return ""


def caught(slip: Slip, copy: Path) -> str:
    """Return what catches a slip that is made in a copy of the package, or nothing."""
    path = copy / slip.file
    right = path.read_text(encoding="utf-8")
    _write(path, slipped(slip, copy))
    try:
        return _in_child(partial(check, slip.model), copy) or _by_tests(slip, copy)
    finally:
        _write(path, right)


def _write(path: Path, text: str) -> None:
    """Write a file with a time of its own, so that no compiled file of another text is
    used."""
    _write.count += 1
    path.write_text(text, encoding="utf-8")
    os.utime(path, (_write.count, _write.count))


_write.count = 1_000_000_000


def _in_child(work, copy: Path) -> str:
    """Run ``work`` in a fork of this process, which has imported what takes long, on the
    copy."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        os.environ["FWP_NEURO_HOME"] = str(copy)
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        os.write(write, work().encode()[:4000])
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as said:
        found = said.read().decode(errors="replace")
    died = os.waitpid(child, 0)[1]
    return found or ("validate: the process died" if died else "")


def _by_tests(slip: Slip, copy: Path) -> str:
    options = ["-q", "-x", "-p", "no:cacheprovider", "-m", "not slow"]
    command = [sys.executable, "-m", "pytest", *options, f"tests/test_{slip.tests}.py"]
    environment = {**os.environ, "PYTHONPATH": str(copy), "FWP_NEURO_HOME": str(copy)}
    run = subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, text=True
    )
    failed = [
        line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))
    ]
    return f"tests: {failed[0].split(' ')[1]}" if failed else ""


def main(slips=None) -> int:
    """Print what catches each slip and how many are caught; return how many are not."""
    import brian2  # noqa: F401  what takes long to import, and is not part of the copy
    import scipy.optimize  # noqa: F401
    import xarray  # noqa: F401

    slips, missed = SLIPS if slips is None else slips, 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("fwp_neuro", "models", "tests", "figures"):
            ignored = shutil.ignore_patterns("__pycache__", "*.png", "data-*")
            shutil.copytree(TOP / name, copy / name, ignore=ignored)
        for name in ("setup.cfg", "pyproject.toml", "README.md"):
            shutil.copy(TOP / name, copy / name)
        for slip in slips:
            by = caught(slip, copy)
            missed += not by
            changed = f"{' '.join(slip.old.split())} -> {' '.join(slip.new.split())}"
            print(f"{slip.model:28} {changed:90} {by or 'NOT CAUGHT'}", flush=True)
    used = os.times()
    seconds = used.user + used.system + used.children_user + used.children_system
    print(f"caught {len(slips) - missed} of {len(slips)} ({seconds:.0f} s of CPU)")
    return missed


if __name__ == "__main__":
    sys.exit(1 if main() > 2 else 0)
