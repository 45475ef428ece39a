"""Write a circuit as a C++ or CUDA project that can be compiled and run elsewhere."""

from __future__ import annotations

import inspect
from pathlib import Path

from .. import devices, running
from ..arguments import SEED, filename, inside, one_of, read_options, takes
from ..devices.lock import brian2_lock
from ..programs import Program
from ..rules import Rule
from ..run_arguments import PROGRAM, RULE, WEIGHTS
from .rate import rate_circuit
from .spiking import published_synapses, spiking_circuit


@brian2_lock()
@takes(
    program=PROGRAM,
    rule=RULE,
    realisation=one_of(("rate", "spiking"), "realisation to generate code for:"),
    device=one_of(("cpp_standalone", "cuda_standalone"), "device to generate code for:"),
    directory=filename("project"),
    initial_weights=WEIGHTS,
    seed=SEED,
    options=inside("an option of the realisation"),
)
def generate(
    program: Program,
    rule: str | Rule,
    realisation: str = "rate",
    *,
    device: str = "cuda_standalone",
    directory: str | Path,
    initial_weights=None,
    seed: int = 0,
    **options,
) -> Path:
    """Write the standalone project of a circuit without compiling or running it.

    Neither a compiler nor a GPU is needed. For CUDA the project is written for compute capability
    7.5 if this machine has no GPU to ask. CUDA code of all circuits is generated, compiled and
    emulated on a CPU in the tests; it was not run on a GPU.

    Args:
        program, rule, initial_weights, seed: as for `fwp_neuro.run`.
        realisation: "rate" or "spiking".
        device: "cpp_standalone" or "cuda_standalone" (which needs brian2cuda).
        directory: folder to write to; made if it does not exist.
        options: of the realisation, without ``device`` and ``progress``.

    Returns:
        the folder, with ``main.cpp`` (C++) or ``main.cu`` (CUDA) and a ``makefile``.

    Raises:
        FwpError: a bad argument, brian2cuda is missing, or the folder cannot be written.
    """
    found, realise = running.checked(
        program, rule, realisation, seed, options, without=("device", "progress")
    )
    options = read_options(realise, {"initial_weights": initial_weights} | options)
    if realisation == "rate":
        build, _, dt, *_ = rate_circuit.prepare(program, found, **options)
    else:
        defaults = inspect.signature(spiking_circuit.realise).parameters.items()
        chosen = {n: p.default for n, p in defaults if p.kind is p.KEYWORD_ONLY} | options
        chosen = {n: value for n, value in chosen.items() if n not in ("device", "progress")}
        chosen["seed"] = seed
        build, dt = _spiking(program, found, chosen)
    return devices.generate(build, device=device, dt=dt, seed=int(seed), directory=directory)


def _spiking(program: Program, rule: Rule, options: dict) -> tuple:
    """Return (build, dt) of a spiking circuit."""
    synapse = published_synapses.chosen(options["synapse"], options["parameters"])
    if synapse is None:
        own = ("value_cells", "coding")
        ready = spiking_circuit.prepare(
            program, rule, **{n: value for n, value in options.items() if n not in own}
        )
        return ready.build, ready.dt
    usual = {n: value for n, value in spiking_circuit.USUAL.items() if n in options}
    form = published_synapses.prepare(program, rule, synapse, options, usual)
    return form.builder("numpy", options["seed"])[0], form.dt
