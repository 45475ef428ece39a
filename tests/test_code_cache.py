"""Caches of compiled code: whole or not there, of this user alone, made once, tidy after
a kill."""

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from fwp_neuro import code_cache, temporaries, toolchain
from fwp_neuro.artificial.kernels import compiler
from fwp_neuro.devices import compiled_builds
from fwp_neuro.errors import FwpError, FwpWarning

pytestmark = pytest.mark.skipif(toolchain.find() is None, reason="no C++ compiler")
posix = pytest.mark.skipif(
    not hasattr(os, "geteuid"), reason="no users and modes as on POSIX"
)

TINY = 'extern "C" int answer() { return 42; }'


def kernel(text=TINY):
    return compiler.library(text, "a test").answer()


def program(folder):
    """Compile a project that makes a program without Brian2; return what it answers."""
    folder = folder / "project"
    if not folder.exists():
        folder.mkdir()
        (folder / "main.cpp").write_text("int main() { return 42; }\n")
        (folder / "makefile").write_text("main: main.cpp\n\t$(CXX) main.cpp -o main\n")
    return subprocess.run(
        [str(compiled_builds.program(folder)[0])], check=False
    ).returncode


#: kind of cache -> how something is compiled and used
KINDS = {"kernels": lambda folder: kernel(), "builds": program}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache that is not there yet."""
    monkeypatch.setenv("FWP_NEURO_CACHE", str(tmp_path / "cache"))
    code_cache._private.cache_clear()
    yield tmp_path / "cache"
    code_cache._private.cache_clear()


@pytest.fixture
def count(tmp_path, monkeypatch):
    """Return the number of compilations so far, by a compiler that writes a line for
    each."""
    wrapper, log = tmp_path / "wrapper", tmp_path / "log"
    wrapper.write_text(
        f'#!/bin/sh\ncase "$*" in *--version*) ;; *) echo x >> {log}\n'
        'test -z "$FWP_TEST_SLOW" || sleep 20;; esac\n'
        f'exec {toolchain.find()} "$@"\n'
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("CXX", str(wrapper))
    return lambda: len(log.read_text().splitlines()) if log.exists() else 0


def entries(folder):
    """Return what lies in a cache, but for locks, which stay."""
    return sorted(item.name for item in folder.glob("*") if item.suffix != ".lock")


# ---------------------------------------------------------------- whole or not there


@pytest.mark.parametrize("kind", KINDS)
def test_a_cache_is_used_and_is_the_users_alone(cache, tmp_path, count, kind):
    old = os.umask(0)
    try:
        assert KINDS[kind](tmp_path) == 42
        made = count()
        assert KINDS[kind](tmp_path) == 42 and count() == made > 0
    finally:
        os.umask(old)
    if hasattr(os, "geteuid"):
        for item in (cache, cache / kind):
            assert stat.S_IMODE(item.stat().st_mode) == 0o700
        for item in cache.rglob("*"):
            assert (
                item.suffix in (".lock", ".sha256", ".json")
                or not item.stat().st_mode & 0o022
            )


def test_an_interrupted_compile_leaves_nothing_behind(cache, monkeypatch):
    source = TINY.replace("42", "43")
    with monkeypatch.context() as patch:
        patch.setattr(
            compiler.os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            kernel(source)
    assert not entries(cache / "kernels")
    assert kernel(source) == 43


@pytest.mark.parametrize("digest", ["", "true"])
def test_a_damaged_library_is_compiled_again(cache, digest):
    source = TINY.replace("42", f"4{5 + len(digest)}")
    damaged = cache / "kernels" / compiler._name(source, compiler.find())
    damaged.parent.mkdir(parents=True, mode=0o700)
    damaged.write_bytes(b"half a library")
    if digest:
        code_cache.seal(damaged, compiler._digest_of(damaged))
    assert kernel(source) == 45 + len(digest)
    assert damaged.stat().st_size > 1000


def test_a_compiler_that_fails_says_why(cache, tmp_path, monkeypatch):
    with pytest.raises(
        FwpError, match="could not compile the kernel of a test: .*error: .*nowhere"
    ):
        kernel('#include <cmath>\nextern "C" int answer() { return nowhere; }')
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho disk full >&2\nexit 1\n")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CXX", str(broken))
    with pytest.raises(FwpError, match="broken could not compile .* a test: disk full"):
        kernel()
    broken.write_text("#!/no/such/shell\n")
    with pytest.raises(FwpError, match="broken cannot be run: No such file"):
        kernel()
    assert not entries(cache / "kernels")


# ---------------------------------------------------------------- of this user alone


def planted(cache, kind, tmp_path):
    """Fill a cache."""
    assert KINDS[kind](tmp_path) == 42
    return cache / kind


UNSAFE = {
    "others write it": (lambda folder: folder.chmod(0o777),
                        "can be written by other users"),
    "its group writes it": (lambda folder: folder.chmod(0o770),
                            "can be written by other users"),
    "others write its parent": (
        lambda folder: folder.parent.chmod(0o777), "can be written by other users"
    ),
    "it is of another user": (lambda folder: os.chown(folder, 4321, -1),
                              "belongs to another user"),
    "its parent is": (lambda folder: os.chown(folder.parent, 4321, -1),
                      "belongs to another user"),
    "a link of another user": (lambda folder: link(folder), "belongs to another user"),
}  # fmt: skip


def link(folder):
    real = folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(real)
    os.chown(folder, 4321, -1, follow_symlinks=False)


@posix
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", UNSAFE)
def test_a_cache_that_others_can_change_is_not_used(cache, tmp_path, count, kind, what):
    folder = planted(cache, kind, tmp_path)
    before, made = entries(folder), count()
    unsafe, words = UNSAFE[what]
    try:
        unsafe(folder)
    except PermissionError:
        pytest.skip("only root can give a file to another user")
    with pytest.warns(FwpWarning) as said:
        assert KINDS[kind](tmp_path) == 42
    sentence = str(said[0].message)
    assert words in sentence and str(folder) in sentence and "FWP_NEURO_CACHE" in sentence
    assert count() > made  # compiled again, elsewhere
    assert entries(folder) == before


@posix
def test_a_cache_in_a_shared_folder_such_as_tmp_is_used(cache, tmp_path, count):
    cache.mkdir()
    cache.chmod(0o1777)
    assert kernel() == kernel() == 42 and count() == 1


@posix
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_others_can_change_is_compiled_again(cache, tmp_path, count, kind):
    folder, made = planted(cache, kind, tmp_path), count()
    (file,) = folder.glob("*.so" if kind == "kernels" else "*/main")
    for unsafe in (lambda: file.chmod(0o777), lambda: os.chown(file, 4321, -1)):
        unsafe()
        assert KINDS[kind](tmp_path) == 42
        assert count() > made and code_cache.is_private(file)
        made = count()
        if os.geteuid():
            return


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_cache_that_can_be_written_it_works_and_says_so(cache, tmp_path, kind):
    cache.write_text("a file where the folder should be")
    with pytest.warns(FwpWarning, match=f"{kind}.* cannot be written.*FWP_NEURO_CACHE"):
        assert KINDS[kind](tmp_path) == 42
    left = code_cache._private(kind)
    assert stat.S_IMODE(left.stat().st_mode) == 0o700
    temporaries.remove(left)
    assert not left.exists()


# ---------------------------------------------------------------- made once


WORK = {
    "kernels": "from fwp_neuro.artificial.kernels import compiler as c\n"
    f"print(c.library({TINY!r}, 'a test').answer())",
    "builds": "import pathlib, sys\nfrom fwp_neuro.devices import builds\n"
    "print(builds.program(pathlib.Path(sys.argv[1]) / 'project')[0].name)",
}


def process(kind, folder, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", WORK[kind], str(folder)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["builds", pytest.param("kernels", marks=pytest.mark.slow)]
)
def test_processes_that_need_one_thing_compile_it_once(cache, tmp_path, count, kind):
    number = 3 if kind == "builds" else 8  # the package of the kernels imports torch
    program(tmp_path)
    compiled_builds.clear()
    start = count()
    every = [process(kind, tmp_path) for _ in range(number)]
    assert {each.communicate(timeout=300)[0].strip() for each in every} <= {"42", "main"}
    assert count() == start + 1


@pytest.mark.parametrize("kind", KINDS)
def test_threads_that_need_one_thing_compile_it_once(cache, tmp_path, count, kind):
    found = []
    if kind == "builds":
        program(tmp_path)
        compiled_builds.clear()
    start = count()
    threads = [
        threading.Thread(target=lambda: found.append(KINDS[kind](tmp_path)))
        for _ in range(8)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [42] * 8 and count() == start + 1


# ---------------------------------------------------------------- tidy after a kill


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


def test_what_a_killed_process_was_building_is_removed_by_the_next(
    cache, tmp_path, count
):
    program(tmp_path)
    compiled_builds.clear()
    start = count()
    killed = process("builds", tmp_path, FWP_TEST_SLOW="yes")
    until(lambda: count() > start)
    assert list(cache.glob("builds/building_*"))
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    busy = cache / "builds" / "building_other.abc"  # of a process that lives
    busy.mkdir()
    other = (tmp_path / "project" / "main.cpp").read_text().replace("42", "41")
    (tmp_path / "project" / "main.cpp").write_text(other)
    from filelock import FileLock

    with FileLock(cache / "builds" / "other.lock"):
        # another program than that of the killed process
        compiled_builds.program(tmp_path / "project")
        assert [item.name for item in cache.glob("builds/building_*")] == [busy.name]
    (tmp_path / "project" / "main.cpp").write_text(other + "\n")
    compiled_builds.program(tmp_path / "project")
    assert not list(cache.glob("builds/building_*"))


TEMPORARY = """
from fwp_neuro import temporaries
print(temporaries.make('test'), flush=True)
input()
"""


@posix
def test_temporary_folders_of_killed_processes_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lives, killed, ends = (
        subprocess.Popen(
            [sys.executable, "-c", TEMPORARY], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env={**os.environ,
                "TMPDIR": str(tmp_path)},
        )
        for _ in range(3)
    )  # fmt: skip
    folders = [Path(each.stdout.readline().strip()) for each in (lives, killed, ends)]
    killed.kill()
    ends.communicate("\n")
    killed.wait()
    assert [each.exists() for each in folders] == [True, True, False]
    (tmp_path / "fwp_neuro_of_somebody_else").mkdir()
    mine = temporaries.make("test")
    assert [each.exists() for each in folders] == [True, False, False]
    lives.communicate("\n")
    temporaries.remove(mine)
    assert [item.name for item in tmp_path.iterdir()] == ["fwp_neuro_of_somebody_else"]


# ---------------------------------------------------------------- a full disk


def test_what_a_compiler_says_best():
    said = (
        "ld: final link failed: No space left on device\ncollect2: error: ld returned 1\n"
    )
    assert toolchain.telling(said) == "ld: final link failed: No space left on device"
    assert toolchain.telling("In file x\n  x.cpp: error: y\n") == "x.cpp: error: y"
    assert toolchain.telling("something\nelse") == "something"
    assert toolchain.telling("\n") == "no message"


def full(*_, **__):
    raise OSError(28, "No space left on device", "/somewhere/file")


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    cache, tmp_path, monkeypatch, kind
):
    program(tmp_path)
    compiled_builds.clear()
    with monkeypatch.context() as patch:
        patch.setattr(code_cache.Path, "write_text", full)
        patch.setattr(compiled_builds.shutil, "copyfile", full)
        with pytest.raises(
            FwpError, match=f"cannot be written to .*{kind}': No space.*CACHE"
        ):
            KINDS[kind](tmp_path)
    assert not entries(cache / kind)
    assert KINDS[kind](tmp_path) == 42


LIMITED = """
import json, resource, signal, sys, warnings
warnings.simplefilter("ignore")
import brian2 as b2, numpy as np, fwp_neuro as fwp
def build():
    cells = b2.NeuronGroup(2000, "dv/dt = -v/(5*ms) : 1", method="exact", name="cells")
    cells.v = 1
    course = b2.StateMonitor(cells, "v", record=True)
    return fwp.devices.Built(b2.Network(cells, course), lambda: {"v": np.array(course.v)}, 20*b2.ms)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
said = []
def attempt(function, limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        function()
        said.append("fine")
    except fwp.FwpError as problem:
        said.append(str(problem))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
program = fwp.devices.compiled(build, dt=0.1*b2.ms)
attempt(lambda: fwp.devices.compiled(build, dt=0.1*b2.ms).close(), 1000)
attempt(lambda: program.run({"cells.v": np.ones(2000)}), 1000)
attempt(program.run, 100_000)
attempt(program.run, resource.RLIM_INFINITY)
print(json.dumps(said))
"""  # noqa: E501


@posix
@pytest.mark.slow
def test_files_that_cannot_grow_are_one_sentence_each(tmp_path):
    """Like a full disk: source, numbers and results of a compiled circuit are cut at a
    size."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], capture_output=True, text=True, check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    source, numbers, results, again = json.loads(done.stdout)
    assert "the source of the program cannot be written: " in source
    assert (
        "the numbers of the run cannot be written: File too large; free some" in numbers
    )
    assert "standalone program" in results and (
        "written" in results or "signal 25" in results
    )
    assert again == "fine"
    assert not list(tmp_path.glob("fwp_neuro_*"))
