"""What CUDA code asks of a machine, and the sentences for machines that lack it."""

import importlib.metadata
import os
import re

import brian2 as b2
import pytest

import fwp_neuro as fwp
from fwp_neuro.devices import cuda, cuda_errors, gpu

SMI = """#!/bin/sh
case "$1" in
--query-gpu*) {rows} ;;
*) echo "| NVIDIA-SMI {driver}   Driver Version: {driver}   CUDA Version: {newest}  |" ;;
esac
"""
NVCC = """#!/bin/sh
case "$1" in
--version) echo "nvcc: NVIDIA (R) Cuda compiler driver"
    echo "Cuda compilation tools, release {release}, V{release}.88" ;;
--list-gpu-arch) for one in {architectures}; do echo "compute_$one"; done ;;
esac
"""
H100 = "0, GPU-1111-aaaa, NVIDIA H100 80GB HBM3, 9.0, {driver}"
VOLTA = "0, GPU-2222-bbbb, Tesla V100-SXM2-16GB, 7.0, {driver}"
RUBIN = "0, GPU-3333-cccc, NVIDIA Something New, 14.0, {driver}"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Put programs named nvidia-smi and nvcc on the path that say what they are told
    to."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(cuda, "need_brian2cuda", lambda: None)
    monkeypatch.setattr(gpu, "_WHERE", ())
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    for name in ("CUDA_PATH", "CUDA_VISIBLE_DEVICES", "FWP_CURAND"):
        monkeypatch.delenv(name, raising=False)

    def program(name, text):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)

    def made(rows=(H100,), driver="570.10", newest="13.0", nvcc="13.0",
             knows="75 80 90 120", smi=None):  # fmt: skip
        echoes = "; ".join(f'echo "{row.format(driver=driver)}"' for row in rows)
        program(
            "nvidia-smi", smi or SMI.format(rows=echoes, driver=driver, newest=newest)
        )
        if nvcc:
            program("nvcc", NVCC.format(release=nvcc, architectures=knows))
        return folder

    return made


def refused():
    with pytest.raises(fwp.FwpError) as problem:
        cuda.check_machine()
    sentence = str(problem.value)
    assert sentence.startswith("device='cuda_standalone' cannot run here: ")
    assert "nothing was run" in sentence and "\n" not in sentence
    return sentence


# ---------------------------------------------------------------- machines that can


@pytest.mark.parametrize("nvcc", ["12.4", "13.0"])
@pytest.mark.parametrize("newest", ["13.0", "13.2"])
def test_an_h100_is_accepted_with_any_toolkit_that_its_driver_runs(
    machine, nvcc, newest, recwarn
):
    machine(nvcc=nvcc, newest=newest)
    cuda.check_machine()
    assert not recwarn.list


def test_a_toolkit_newer_than_the_driver_by_a_minor_version_is_accepted(machine):
    """Within one major version a program runs on every driver."""
    machine(newest="12.2", nvcc="12.9")
    cuda.check_machine()


def test_a_gpu_newer_than_nvcc_gets_the_newest_code_that_nvcc_knows(machine):
    machine(rows=[RUBIN])
    with pytest.warns(
        fwp.errors.FwpWarning, match="capability 14.0.*newer than nvcc 13.0.*12.0"
    ):
        cuda.check_machine()


def test_preferences_are_those_of_the_machine(machine):
    pytest.importorskip("brian2cuda")
    machine(nvcc="12.4")
    found = {
        name.rpartition(".")[2]: value
        for name, value in cuda.preferences(b2.prefs).items()
    }
    assert found["compute_capability"] == 9.0 and found["cuda_runtime_version"] == 12.4
    assert found["detect_gpus"] is False and found["gpu_id"] == 0
    assert found["extra_compile_args_nvcc"] == ["-w", "-std=c++17"]


def test_the_least_capable_of_several_gpus_decides(machine, monkeypatch):
    other = "1, GPU-4444-dddd, NVIDIA A100, 8.0, {driver}"
    machine(rows=[H100, other])
    assert [one.capability for one in gpu.gpus()] == [(9, 0), (8, 0)]
    assert cuda._capability(gpu.gpus()) == (8, 0)
    for shown, expected in (("1", [(8, 0)]), ("GPU-4444", [(8, 0)]),
                            ("1,0", [(8, 0), (9, 0)]),
                            ("0,7,1", [(9, 0)]), ("MIG-5", [(9, 0)])):  # fmt: skip
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
        assert [one.capability for one in gpu.gpus()] == expected, shown


# ---------------------------------------------------------------- machines that cannot


def test_no_driver(machine):
    (machine() / "nvidia-smi").unlink()
    assert "no NVIDIA GPU with a driver is here (no nvidia-smi)" in refused()


@pytest.mark.parametrize(
    "says",
    [
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
        "No devices were found",
    ],
)
def test_a_driver_without_a_gpu(machine, says):
    machine(smi=f'#!/bin/sh\necho "{says}"\nexit 9\n')
    assert f"finds no GPU that works: nvidia-smi says {says!r}" in refused()


@pytest.mark.parametrize("shown", ["", "-1", "5"])
def test_every_gpu_hidden(machine, monkeypatch, shown):
    machine()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
    assert f"CUDA_VISIBLE_DEVICES={shown!r} hides every GPU" in refused()


def test_no_compiler(machine):
    machine(nvcc=None)
    assert "no CUDA compiler is here (nvcc)" in refused()


def test_a_compiler_that_does_not_work(machine):
    (machine() / "nvcc").write_text("#!/bin/sh\necho broken\nexit 1\n")
    assert re.search("the CUDA compiler '.*/nvcc' does not work: 'broken'", refused())


def test_a_driver_too_old_for_the_toolkit(machine):
    machine(driver="535.1", newest="12.2", nvcc="13.0")
    sentence = refused()
    assert (
        "driver 535.1 runs CUDA up to 12.2, and nvcc is of CUDA 13.0: update" in sentence
    )


def test_a_gpu_older_than_nvcc_compiles_for(machine):
    machine(rows=[VOLTA])
    sentence = refused()
    assert "compute capability 7.0, and nvcc 13.0 compiles for 7.5 and newer" in sentence
    assert "an older CUDA toolkit" in sentence


# ---------------------------------------------------------------- brian2cuda itself


@pytest.mark.parametrize(
    ("ours", "brian", "fits"),
    [
        ("1.0a7", "2.9.0", True), ("1.0b1", "2.10.1", True), ("1.0b2", "2.12.0", True),
        ("1.0b1", "2.9.0", False), ("1.0a7", "2.10.1", False),
    ],
)  # fmt: skip
def test_brian2cuda_must_fit_brian2(monkeypatch, ours, brian, fits):
    versions = {"brian2cuda": ours, "brian2": brian}
    pins = {"1.0a7": "2.8.0", "1.0b1": "2.10.1", "1.0b2": "2.12.0"}
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr(importlib.metadata, "version", versions.__getitem__)
    monkeypatch.setattr(
        importlib.metadata, "requires", lambda _: [f"brian2=={pins[ours]}"]
    )
    if fits:
        return cuda.need_brian2cuda()
    with pytest.raises(
        fwp.FwpError, match=f"brian2cuda {ours} does not fit brian2 {brian}.*pip"
    ):
        cuda.need_brian2cuda()


# ------------------------------------------------------- what programs say when they fail


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        (
            "nvcc fatal : Unsupported gpu architecture 'compute_70'",
            "does not know the architecture",
        ),
        (
            "nvcc fatal: Value 'sm_130' is not defined for option 'gpu-architecture'",
            "architecture",
        ),
        (
            "#error -- unsupported GNU version! gcc versions later than 14 are",
            "variable CXX",
        ),
        ("rand.h:4:10: fatal error: curand.h: No such file or directory", "FWP_CURAND"),
        ("/usr/bin/ld: cannot find -lcurand", "has no cuRAND"),
        ("#error Thrust requires at least C++17. Define", "wants C++17"),
        ("nvcc error : 'cicc' died due to signal 9 (Killed)", "out of main memory"),
        (
            "make: /usr/local/cuda/bin/nvcc: No such file or directory",
            "no CUDA compiler is here",
        ),
        (
            "INFO a\nx.cu(3): error: identifier is undefined\nmake: ***",
            "says: x.cu(3): error",
        ),
    ],
)
def test_a_failed_build_is_explained(said, meaning):
    check_sentence(cuda_errors.build_failed(said, "folder"), meaning)


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("ERROR: cudaSetDevice(0) failed at main.cu:89 : CUDA driver version is "
         "insufficient for CUDA runtime version", "driver is older than the CUDA "
                                                  "toolkit"),
        ("the provided PTX was compiled with an unsupported toolchain.",
         "driver is older"),
        ("INFO x\nERROR: cudaMalloc(...) failed at objects.cu:7 : out of memory",
         "out of memory"),
        ("terminate called after throwing an instance of "
         "'thrust::system::detail::bad_alloc'\n  what():  std::bad_alloc: cudaErrorMemoryAllocation: out of memory", "out of memory"),  # noqa: E501
        ("ERROR while allocating 800 bytes in cudaVector.h/reserve()\nout of memory",
         "gpu_heap_size = 1024"),
        ("ERROR while allocating memory with size 80 in spikequeue.h/prepare()",
         "gpu_heap_size"),
        ("failed at x.cu:1 : no kernel image is available for execution on the device",
         "architecture of this GPU"),
        ("failed at main.cu:89 : no CUDA-capable device is detected", "finds no GPU"),
        ("failed : all CUDA-capable devices are busy or unavailable",
         "taken by another program"),
        ("./main: error while loading shared libraries: libcurand.so.10: cannot open "
         "shared",
         "LD_LIBRARY_PATH"),
        ("failed : too many resources requested for launch", "launch_bounds"),
        ("failed at k.cu:9 : an illegal memory access was encountered",
         "a kernel failed"),
        ("INFO one\nsomething else", "says: something else"),
        ("", "says: nothing"),
    ],
)  # fmt: skip
def test_a_failed_run_is_explained(said, meaning):
    check_sentence(cuda_errors.run_failed(said, "folder"), meaning)


def check_sentence(problem, meaning):
    assert isinstance(problem, fwp.FwpError)
    sentence = str(problem)
    assert sentence.startswith("device='cuda_standalone': ") and meaning in sentence
    assert "\n" not in sentence and len(sentence) < 500


class Device:
    """Stands in for Brian2's device: writes a project whose program fails as it is told
    to."""

    def __init__(self, make="true", program="true"):
        self.make, self.program = make, program

    def build(self, directory, compile, run):
        assert not compile and not run
        for name in ("main.cu", "a.cu"):
            with open(os.path.join(directory, name), "w") as file:
                file.write("namespace {\n}\n")
        self.folder = directory
        with open(os.path.join(directory, "makefile"), "w") as file:
            file.write(f"SRCS = a.cu main.cu\nall:\n\t{self.make}\n")
        with open(os.path.join(directory, "main"), "w") as file:
            file.write(f"#!/bin/sh\n{self.program}\n")
        os.chmod(os.path.join(directory, "main"), 0o755)

    def run(self, with_output):
        import subprocess

        command = b2.prefs.devices.cpp_standalone.run_cmd_unix
        if subprocess.call([*command, "--results_dir", "there"], cwd=self.folder):
            print("INFO what Brian2 prints of a program that fails")
            raise RuntimeError("Project run failed")


def test_failures_of_make_and_of_the_program_reach_the_user(tmp_path, capfd):
    before = b2.prefs.devices.cpp_standalone.run_cmd_unix
    cuda.execute(Device(program='test "$2" = there'), tmp_path)
    with pytest.raises(fwp.FwpError, match="has no cuRAND"):
        cuda.execute(Device(make="echo cannot find -lcurand >&2; false"), tmp_path)
    with pytest.raises(fwp.FwpError, match="GPU is out of memory"):
        cuda.execute(
            Device(program="echo failed : out of memory >&2; exit 255"), tmp_path
        )
    assert b2.prefs.devices.cpp_standalone.run_cmd_unix == before
    assert capfd.readouterr() == ("", "")
