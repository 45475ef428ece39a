"""Write a circuit as a C++ or CUDA project that can be compiled and run elsewhere."""

from __future__ import annotations

from pathlib import Path

from ..arguments import SEED, filename, inside, one_of, takes
from ..devices.lock import brian2_lock
from ..programs import Program
from ..rules import Rule
from ..run_arguments import PROGRAM, RULE, WEIGHTS
from .prepared_circuit import PreparedCircuit
from .rate.rate_circuit import RATE
from .spiking.spiking_circuit import SPIKING

#: realisations that build a circuit
CIRCUITS = {one.name: one for one in (RATE, SPIKING)}


@brian2_lock()
@takes(
    program=PROGRAM,
    rule=RULE,
    realisation=one_of(CIRCUITS, "realisation to generate code for:"),
    device=one_of(("cpp_standalone", "cuda_standalone"), "device to generate code for:"),
    directory=filename("project"),
    initial_weights=WEIGHTS,
    seed=SEED,
    options=inside("options of the realisation, or None"),
    single=inside("an option of the realisation"),
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
    options=None,
    **single,
) -> Path:
    """Write the standalone project of a circuit without compiling or running it.

    Neither a compiler nor a GPU is needed. For CUDA the project is written for compute
    capability 7.5 if this machine has no GPU to ask. CUDA code of all circuits is
    generated, compiled and emulated on a CPU in the tests; it was not run on a GPU.

    Args:
        program, rule, initial_weights, seed: as for `fwp_neuro.run`.
        realisation: "rate" or "spiking".
        device: "cpp_standalone" or "cuda_standalone" (which needs brian2cuda).
        directory: folder to write to; made if it does not exist.
        options: an object of `RateOptions` or `SpikingOptions`, or None.
        single: options by their names, without ``device`` and ``progress``; these go
            before.

    Returns:
        the folder, with ``main.cpp`` (C++) or ``main.cu`` (CUDA) and a ``makefile``.

    Raises:
        FwpError: a bad argument, brian2cuda is missing, or the folder cannot be written.
    """
    chosen = CIRCUITS[realisation]
    chosen.check_names(single, without=("device", "progress"))
    # a circuit of published synapses is calibrated by a run of its own, which needs no
    # compiler
    ready = chosen.prepare(
        program, rule, options, initial_weights=initial_weights, seed=seed,
        device="numpy", **single,
    )  # fmt: skip
    assert isinstance(ready, PreparedCircuit)  # of a realisation that builds a circuit
    return ready.write(device, directory)
