"""nvcc compiles the kernels of the circuits, for an old and a new architecture. Nothing
is run.

Where the CUDA toolkit has no cuRAND, the variable FWP_CURAND names the folder of ``pip
install --no-deps --target FOLDER nvidia-curand`` of the toolkit's own release.
"""

import re
import subprocess

import pytest

pytest.importorskip("brian2cuda")

from cuda_cases import CIRCUITS, DT, MODELS  # noqa: E402
from cuda_on_cpu import Together  # noqa: E402

import fwp_neuro as fwp  # noqa: E402
from fwp_neuro import devices  # noqa: E402
from fwp_neuro.devices import cuda, gpu  # noqa: E402
from fwp_neuro.devices.joined import join  # noqa: E402

#: every kind of kernel: summed variables, spikes onto cells and synapses, resets, traces,
#: tables
CHOSEN = (
    "rate, continuous", "rate, factored", "spiking, population",
    "spiking, one weight a key cell", "pair_stdp", "tsodyks_markram", "payeur_2021",
)  # fmt: skip


def nvcc():
    """Return the compiler and the flags for cuRAND; skip where one of them is not
    there."""
    try:
        found = gpu.compiler()
    except fwp.FwpError as problem:
        pytest.skip(str(problem))
    flags = cuda.curand_flags()
    asked = [found.path, *flags, "-x", "cu", "-E", "-"]
    text = "#include <curand_kernel.h>\n"
    if subprocess.run(asked, input=text, capture_output=True, text=True).returncode:
        pytest.skip("the CUDA toolkit has no cuRAND, and FWP_CURAND names none")
    return [found.path, *flags]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """One project of the chosen circuits, in one source file; the command that compiles
    it."""
    command, folder = nvcc(), tmp_path_factory.mktemp("compiled")
    made = {name: (CIRCUITS | MODELS)[name]()[0] for name in CHOSEN}
    devices.generate(
        lambda: Together(made).built(),
        device="cuda_standalone",
        dt=DT,
        seed=0,
        directory=folder,
    )
    (source,) = join(folder, 1)
    return [*command, "-std=c++17", "-w", "-I", str(folder), "-ptx", str(source)], folder


@pytest.mark.parametrize("architecture", ["sm_75", "sm_90"])
def test_the_kernels_compile(project, architecture):
    command, folder = project
    done = subprocess.run(
        [*command, f"-arch={architecture}", "-o", str(folder / "kernels.ptx")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    ptx = (folder / "kernels.ptx").read_text()
    assert f".target {architecture}" in ptx
    bodies = re.findall(r"\.entry (\w+)\(.*?^\{(.*?)^\}", ptx, re.DOTALL | re.MULTILINE)
    adds = {
        name: bool(re.search(r"\b(atom|red)\.\S*add\.f64", body)) for name, body in bodies
    }
    assert len(adds) > 100
    # what sums over synapses or adds to cells uses the addition of the hardware that is
    # atomic; what writes to its own synapse alone does not need it
    sums = [name for name in adds if "summed" in name or "fast_weights_pre_code" in name]
    assert len(sums) >= 4 and all(adds[name] for name in sums)
    alone = [name for name in adds if "end_of_token" in name or "stateupdater" in name]
    assert len(alone) > 5 and not any(adds[name] for name in alone)
