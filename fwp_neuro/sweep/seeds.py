"""The random numbers of a point: every global generator of a process is set from the
point's seed.

A point that draws without a seed of its own, as with ``np.random.randn()``,
``random.random()``, ``torch.randn(3)`` or Brian2's ``rand()``, must get other numbers
than any other point, and the same ones whenever it is computed again: in another process
or thread, on another machine, in another order. Worker processes are copies of one
process: without this they would all draw the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.abc
import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ..errors import FwpError
from ..validation import whole
from .parameter_text import canonical

#: whole numbers below this are exact as a float of 64 bits, which is what a file holds
BELOW = 2**53


def point_seed(label: str, settings: Mapping) -> int:
    """Return the seed of a point: a whole number below 2**53.

    It depends on the name of the function and on the values of the point, and not on its
    code: a function that was changed is run with the random numbers that it had before.
    """
    text = json.dumps([label, canonical(settings, "a value of the grid")])
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big") % BELOW


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw random numbers as a point of a sweep does, for as long as the block lasts.

    It sets the global generators of NumPy, of Python's ``random``, of PyTorch (all
    devices) and of Brian2's runtime targets, which share NumPy's but keep numbers in
    advance. PyTorch and Brian2 are not imported for it: they are set when the block
    imports them. After the block each is as it was before. Generators that a function
    makes itself are not touched, nor are those of other libraries, such as Numba's; a
    program of ``cpp_standalone`` takes its seed when it is run.

    Args:
        seed: a whole number from 0 to 2**53 - 1, such as ``point_seed`` of a sweep's
        Dataset.

    Raises:
        FwpError: any other seed.
    """
    if whole(seed, "seed", 0) >= BELOW:
        raise FwpError(f"seed is {seed}; legal are whole numbers from 0 to {BELOW - 1}")
    words = [int(word) for word in np.random.SeedSequence(seed).generate_state(10)]
    # each generator has its own: equal seeds would give NumPy and Python the same numbers
    with contextlib.ExitStack() as stack:
        for back in (_numpy(words[:8]), _python(str(seed))):
            stack.callback(back)
        for name, start in (("torch", _torch), ("brian2", _brian2)):
            stack.enter_context(_when_imported(name, start, words[8] | words[9] << 32))
        yield


def _python(seed: str) -> Callable[[], None]:
    """Seed Python's generator; return what puts it back."""
    state = random.getstate()
    random.seed(seed)
    return lambda: random.setstate(state)


def _numpy(words: list[int]) -> Callable[[], None]:
    """Seed NumPy's global generator; return what puts it back."""
    generator = np.random.get_bit_generator()
    usual = isinstance(generator, np.random.MT19937)  # not one that the user has chosen
    state = np.random.get_state(legacy=False) if usual else generator.state
    if usual:
        np.random.seed(words)
    else:
        generator.state = type(generator)(words).state

    def back() -> None:
        if np.random.get_bit_generator() is not generator:
            np.random.set_bit_generator(generator)
        if usual:
            np.random.set_state(state)  # with the normal number that it has in advance
        else:
            generator.state = state

    return back


def _torch(torch, seed: int) -> Callable[[], None]:
    """Seed PyTorch; return what puts its generators back."""
    if not hasattr(torch, "get_rng_state"):  # a module of the user's that stands for it
        return lambda: None
    first, state = torch.initial_seed(), torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    torch.manual_seed(seed)

    def back() -> None:
        torch.manual_seed(first)  # also of devices that were first used in the block
        torch.set_rng_state(state)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)

    return back


#: where Brian2's compiled code may keep numbers while the user's own are set aside
_spare = {"rand": 0, "randn": 0}


def _brian2(brian2, seed: int) -> Callable[[], None]:
    """Set aside the random numbers that Brian2's compiled code took from NumPy in
    advance.

    NumPy's generator itself is seeded and put back by `_numpy`. The device holds, for
    each kind of number, how many of its store are used and the address of that store,
    whose memory the compiled code frees when it needs another: what is set aside must not
    stay in its reach.
    """
    # brian2.devices.device is the device in use, which hides the module
    device = getattr(sys.modules.get("brian2.devices.device"), "runtime_device", None)
    stores = {} if device is None else {
        name: (getattr(device, f"{name}_buffer_index"), getattr(device, f"{name}_buffer"))
        for name in _spare
    }  # fmt: skip
    before = {name: (int(used[0]), int(at[0])) for name, (used, at) in stores.items()}
    for name, (used, at) in stores.items():
        if used[0]:
            at[0] = _spare[name]
        used[0] = 0

    def back() -> None:
        for name, (used, at) in stores.items():
            if before[name][0]:
                _spare[name], at[0] = int(at[0]), before[name][1]
            used[0] = before[name][0]

    return back


@contextlib.contextmanager
def _when_imported(name: str, start: Callable, seed: int) -> Iterator[None]:
    """Seed the generators of a module now if it is loaded, or else as soon as it is."""
    backs: list[Callable[[], None]] = []
    finder = _Finder(name, lambda module: backs.append(start(module, seed)))
    if name in sys.modules:
        finder.loaded(sys.modules[name])
    else:
        sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        finder.loaded = lambda module: None  # what is found here may be loaded later
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)
        for back in backs:
            back()


class _Finder(importlib.abc.MetaPathFinder):
    """Calls ``loaded(module)`` when a module has been imported that is not loaded yet."""

    def __init__(self, name: str, loaded: Callable):
        self.name, self.loaded = name, loaded

    def find_spec(self, name, path=None, target=None):
        """Find the module as Python does, with a loader that reports."""
        if name != self.name:
            return None
        for finder in [finder for finder in sys.meta_path if finder is not self]:
            spec = getattr(finder, "find_spec", lambda *_: None)(name, path, target)
            if spec is not None:
                self._report(spec.loader)
                return spec
        return None

    def _report(self, loader) -> None:
        run = getattr(loader, "exec_module", None)
        if run is None:
            return

        def exec_module(module) -> None:
            del loader.exec_module  # the loader is as it was
            run(module)
            self.loaded(module)

        loader.exec_module = exec_module
