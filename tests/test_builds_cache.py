"""The cache of compiled programs: built once, whole or not there at all."""

import os
import signal
import subprocess
import sys
import time

import pytest

import fwp_neuro as fwp
from fwp_neuro import devices, toolchain
from fwp_neuro.devices import compiled_builds

pytestmark = pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project that compiles in no time; it writes a line for each build."""
    monkeypatch.setenv("FWP_NEURO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FWP_TEST_LOG", str(tmp_path / "log"))
    folder = tmp_path / "project"
    (folder / "static_arrays").mkdir(parents=True)
    (folder / "main.cpp").write_text("int main() { return 42; }\n")
    (folder / "makefile").write_text(
        "main: main.cpp\n\techo built >> $$FWP_TEST_LOG\n"
        '\ttest -z "$$FWP_TEST_SLOW" || sleep 20\n\t$(CXX) main.cpp -o main\n'
    )
    return folder


def answer(project):
    place, new = compiled_builds.program(project)
    return subprocess.run([str(place)], check=False).returncode, new


def log(project):
    file = project.parent / "log"
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_a_program_is_compiled_once(project):
    assert answer(project) == (42, True)
    (project / "static_arrays" / "w").write_bytes(b"data is not part of a program")
    assert answer(project) == (42, False) and log(project) == 1
    (project / "main.cpp").write_text("int main() { return 43; }\n")
    assert answer(project) == (43, True)


@pytest.mark.parametrize("damage", ["cut", "other", "gone"])
def test_a_damaged_program_is_compiled_again(project, damage):
    place, _ = compiled_builds.program(project)
    if damage == "gone":
        place.unlink()
    else:
        text = place.read_bytes()
        place.unlink()
        place.write_bytes(text[:100] if damage == "cut" else text + b"x")
    assert not compiled_builds.have(project)
    assert answer(project) == (42, True) and compiled_builds.have(project)


def test_a_failed_build_leaves_nothing_and_names_the_error(project):
    good = (project / "main.cpp").read_text()
    (project / "main.cpp").write_text("int main() { return wrong; }\n")
    with pytest.raises(
        fwp.FwpError, match="could not compile the standalone program: .*'wrong'"
    ):
        compiled_builds.program(project)
    assert not [item for item in compiled_builds.folder().iterdir() if item.is_dir()]
    (project / "main.cpp").write_text(good)
    assert answer(project) == (42, True)


def test_an_interrupted_build_leaves_nothing(project, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(compiled_builds.os, "rename", stop)
        with pytest.raises(KeyboardInterrupt):
            compiled_builds.program(project)
    assert not [item for item in compiled_builds.folder().iterdir() if item.is_dir()]
    assert answer(project) == (42, True)


BUILD = "import sys; from fwp_neuro.devices import builds; builds.program(__import__('pathlib').Path(sys.argv[1]))"  # noqa: E501


def other_process(project, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(project)],
        env={**os.environ, **environment},
        start_new_session=True,
    )


def test_a_build_that_was_killed_blocks_nobody(project):
    process = other_process(project, FWP_TEST_SLOW="yes")
    deadline = time.monotonic() + 60
    while not log(project) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(compiled_builds.folder().glob("building_*"))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert answer(project) == (42, True)
    assert not list(compiled_builds.folder().glob("building_*"))


def test_two_processes_build_once(project):
    both = [other_process(project) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert log(project) == 1 and answer(project) == (42, False)


def test_the_cache_keeps_what_was_used_last(project, monkeypatch):
    places = []
    for number in range(3):
        (project / "main.cpp").write_text(f"int main() {{ return {number}; }}\n")
        places.append(compiled_builds.program(project)[0].parent)
        os.utime(places[-1], (number, number))
    size = sum(file.stat().st_size for file in places[0].iterdir())
    monkeypatch.setattr(compiled_builds, "LIMIT", int(2.5 * size))
    (project / "main.cpp").write_text("int main() { return 3; }\n")
    places.append(compiled_builds.program(project)[0].parent)
    assert [place.exists() for place in places] == [False, False, True, True]
    devices.clear_builds()
    assert not compiled_builds.folder().exists()


def test_without_a_cache_that_can_be_written_a_program_is_still_made(
    project, monkeypatch
):
    (project.parent / "file").write_text("")
    monkeypatch.setenv("FWP_NEURO_CACHE", str(project.parent / "file"))
    with pytest.warns(fwp.errors.FwpWarning, match="cannot be written.*FWP_NEURO_CACHE"):
        assert answer(project) == (42, True)


def test_without_a_compiler_one_sentence_says_so(project, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(fwp.FwpError, match="cannot build a standalone program: no C"):
        compiled_builds.program(project)
