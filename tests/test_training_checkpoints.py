"""Checkpoints that cannot be written, that a killed process left half, or that are
none."""

import os
import pickle
import signal
import subprocess
import sys
import zipfile

import pytest
import torch
from test_training import SMALL, TASK, net

from fwp_neuro.artificial import train
from fwp_neuro.artificial.training import checkpoint as checkpoints
from fwp_neuro.errors import FwpError


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The bytes of a good checkpoint."""
    path = tmp_path_factory.mktemp("good") / "t.pt"
    train(net(), TASK, steps=2, checkpoint=path, **SMALL)
    return path.read_bytes()


def resume(path):
    return train(net(), TASK, steps=3, checkpoint=path, resume=True, **SMALL)


def test_a_full_disk_is_one_sentence_and_the_old_checkpoint_stays(kept, tmp_path):
    """A limit on the size of files fails a write just as a full disk does."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "t.pt"
    path.write_bytes(kept)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(kept) // 2, before[1]))
        with pytest.raises(
            FwpError, match="cannot save the checkpoint to .*: File too large"
        ):
            resume(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == kept and os.listdir(tmp_path) == ["t.pt"]
    assert resume(path).steps == 3


KILLED = """
import os, sys, signal
from fwp_neuro.artificial.training import checkpoint
checkpoint.os.fsync = lambda number: os.kill(os.getpid(), signal.SIGKILL)
checkpoint.save(checkpoint.Path(sys.argv[1]), {"step": 1})
"""


def test_the_next_save_removes_what_a_killed_one_left(kept, tmp_path):
    path = tmp_path / "t[1].pt"
    path.write_bytes(kept)
    run = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert run.returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 2 and path.read_bytes() == kept
    left = next(name for name in os.listdir(tmp_path) if name.endswith(".tmp"))
    host = left.removeprefix(f".{path.name}.").split("-")[0]
    running = tmp_path / f".{path.name}.{host}-{os.getpid()}-01234567.tmp"
    running.touch()  # of a process that is still there
    resume(path)
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, running.name])


class Command:
    def __reduce__(self):
        return os.system, ("touch fwp_neuro_was_here",)


def foreign(path, kind, kept):
    """Write something that is no checkpoint of this training."""
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Command()))
    elif kind == "code":
        torch.save({"format": checkpoints.FORMAT, "arguments": Command()}, path)
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("a", "b")
    elif kind == "list":
        torch.save([1, 2], path)
    else:
        parts = {"empty": 0, "cut": len(kept) // 2, "last byte": len(kept) - 1}
        path.write_bytes(kept[: parts[kind]] if kind in parts else b"no checkpoint")


@pytest.mark.parametrize(
    "kind", ["pickle", "code", "zip", "list", "empty", "cut", "last byte", "text"]
)
def test_what_is_no_checkpoint_is_one_sentence(kept, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "t.pt"
    foreign(path, kind, kept)
    before = path.read_bytes()
    with pytest.raises(FwpError, match="cannot resume from .*(damaged|no checkpoint)"):
        resume(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["t.pt"]


WRONG = [
    None,
    3,
    -1,
    "x",
    [],
    {},
    [[1.0]],
    {"a": 1},
    {1: torch.ones(2)},
    torch.ones(2),
    True,
]


@pytest.mark.parametrize("part", checkpoints.CONTENT)
def test_a_part_that_is_missing_or_odd_is_named(kept, tmp_path, part):
    path = tmp_path / "t.pt"
    path.write_bytes(kept)
    good = torch.load(path, weights_only=True)
    found = []
    for odd in ("missing", *WRONG):
        content = {n: x for n, x in good.items() if n != part}
        if not isinstance(odd, str) or odd != "missing":
            content[part] = odd
        torch.save(content, path)
        model = net()
        start = [p.clone() for p in model.parameters()]
        try:
            train(model, TASK, steps=2, checkpoint=path, resume=True, **SMALL)
        except FwpError as sentence:
            assert "\n" not in str(sentence)
            found.append(str(sentence))
            assert all(
                torch.equal(a, b) for a, b in zip(start, model.parameters(), strict=True)
            )
    assert f"it lacks {part!r}" in found[0]
    assert len(found) >= (
        3 if part in ("step", "without", "best", "rows", "recent") else 8
    )


@pytest.mark.parametrize("change", ["fewer", "shape", "name", "group"])
def test_the_state_of_another_optimizer_is_refused(kept, tmp_path, change):
    path = tmp_path / "t.pt"
    path.write_bytes(kept)
    content = torch.load(path, weights_only=True)
    optimizer = content["optimizer"]
    if change == "fewer":
        optimizer["param_groups"][0]["params"].pop()
    elif change == "shape":
        optimizer["state"][0]["exp_avg"] = torch.ones(1)
    elif change == "name":
        optimizer["state"][0]["other"] = torch.ones(1)
    else:
        optimizer["param_groups"] = [3]
    torch.save(content, path)
    with pytest.raises(
        FwpError, match="the state of its optimizer does not fit the model"
    ):
        resume(path)
