"""Every circuit generates a CUDA project; those of `test_cuda_emulated` are run as
well."""

import brian2 as b2
import pytest

pytest.importorskip("brian2cuda")

from cuda_cases import DT, NETWORKS, POISSON, RULES  # noqa: E402

from fwp_neuro import devices  # noqa: E402
from fwp_neuro.devices.joined import sources  # noqa: E402

CASES = RULES | POISSON | NETWORKS
#: Brian2 solves their equations for seconds; `test_cuda_emulated` runs them among its
#: slow tests
LONG = (
    "fiebig_lansner_2017_working_memory", "mongillo_2008_working_memory",
    "urbanczik_senn_2014_delta_memory",
)  # fmt: skip
#: one circuit of a rule in ten is no slow test
OTHER = set(RULES) - set(list(RULES)[::10])


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] if n in LONG or n in OTHER else [])
     for n in CASES],
)
def test_a_cuda_project_is_generated(name, tmp_path):
    build, dt = CASES[name]()
    folder = devices.generate(
        build, device="cuda_standalone", dt=dt, seed=0, directory=tmp_path / "project"
    )
    files = sources(folder)
    assert {"main.cu", "objects.cu", "synapses_classes.cu"} <= set(files)
    assert all((folder / file).is_file() for file in files)
    called = (folder / "main.cu").read_text()
    for file in files:
        if (
            file.endswith("_codeobject.cu")
            and "before_run" not in file
            and "after_run" not in file
        ):
            assert file[len("code_objects/") : -len(".cu")] in called, file


def test_a_network_without_the_clock_of_the_run_gives_code_that_does_not_compile(
    tmp_path,
):
    """brian2cuda looks at a clock that it leaves out then: why such networks are
    refused."""

    def build():
        own = {"dt": 2 * DT}
        cells = b2.NeuronGroup(2, "v : 1", threshold="v > 1", reset="v = 0", **own)
        synapses = b2.Synapses(cells, cells, on_pre="v_post += 1", delay=2 * DT, **own)
        synapses.connect()
        return devices.Built(
            b2.Network(cells, synapses), dict, 10 * DT, keep=(cells, synapses)
        )

    with devices.brian2_state.standalone("cuda_standalone", tmp_path, DT, 0) as brian:
        built = build()
        built.network.run(built.duration, namespace={})
        brian.device.build(directory=str(tmp_path), compile=False, run=False)
    code = next(
        (tmp_path / "code_objects").glob("synapses*_pre_codeobject*.cu")
    ).read_text()
    assert "defaultclock.timestep" in code
    assert "Clock defaultclock" not in (tmp_path / "objects.h").read_text()
