"""Sweeps: one function at every point of a grid, on this machine or on a cluster.

    def simulate(cells, seed=0):                 # in a file, so that other processes can import it
        return fwp.run(program, "delta", "spiking", cells=cells, seed=seed)

    if __name__ == "__main__":                   # local processes import the script
        found = fwp.sweep(simulate, {"cells": [50, 100], "seed": range(5)},
        out="results/cells")
        found["readout"].mean("seed")            # dims: cells, token, post

See `sweep` for what is kept and when a point is computed again, and ``data/clusters.md``
of the package for Dask, SLURM and GPUs.
"""  # noqa: E501

from __future__ import annotations

from ..arguments import FLAG, optional, takes, text, whole
from ..callable_module import make_callable
from ..errors import warn
from ..interrupts import heard
from ..progress import patient
from ..run_arguments import PROGRESS
from . import seeds
from .function import model_function as function_of_model
from .sweep_arguments import EXECUTOR, FOLDER, GRID, SWEPT

__all__ = ["model_function", "seeded", "sweep"]


def __dir__() -> list[str]:
    return sorted(__all__)  # what is public, for tab completion


@takes(
    "sweep",
    function=SWEPT,
    grid=GRID,
    out=FOLDER,
    executor=optional(EXECUTOR),
    workers=optional(whole(1)),
    retry=FLAG,
    progress=PROGRESS,
)
def sweep(function, grid, out, executor=None, *, workers=None, retry=True, progress=None):
    """Call a function at every point of a grid; keep every result; return them in one
    Dataset.

    Args:
        function: a function at the top of a .py file (or ``"module:name"``, or a
            `functools.partial` of one), called with the names of the grid. It returns a
            number, an array, a Brian2 quantity, a dict of these, an xarray Dataset or a
            Recording.
        grid: ``{name: values}`` for every combination, or a list of dicts for chosen
            points. NumPy numbers are handed over as Python's own.
        out: folder for the results; it is made.
        executor: any `concurrent.futures.Executor`, or a Dask client. None: local
            processes, one thread each, which are gone when the sweep ends.
        workers: number of local processes (default: one a core).
        retry: whether points that failed in an earlier sweep are computed again.
        progress: called with (fraction done, note); None: a bar after two seconds, on a
            terminal or in a notebook.

    Returns:
        xarray Dataset: the dims of the grid in front of those of the results (for a list:
        the dim ``point``), NaN or "" where a point failed, whose sentence is in
        ``error``; ``seconds`` that each point took; ``point_seed``, see below; the origin
        as JSON in ``attrs["provenance"]``. It is also kept as ``out/sweep.nc``
        (`fwp_neuro.load` reads it).

    What is kept: each result is one netCDF file ``out/points/KEY-CODE.nc``, written whole
    or not at all by the worker that computed it. KEY is a hash of the values of the
    point. ``out/code/CODE.json`` lists the code that the worker had loaded when the point
    was over: what the function uses of its file, your own modules however they were
    imported, those of this package, and the versions of brian2, numpy and torch; not data
    files that it reads, and no installed libraries (`fwp_neuro.own_code` has the rule). A
    result is used again as long as every file in the list means the same; comments and
    docstrings mean nothing. So the same sweep goes on where it was interrupted or killed,
    also after its project was moved, a wider grid computes only the new points, and
    changed code computes again what had loaded it, and says which file changed. Two
    sweeps may share a folder: they share the work.

    A point that raises is kept as failed (``out/points/KEY.json`` holds type, sentence
    and traceback), does not stop the others, and is computed again by the next sweep
    unless ``retry`` is False. A point whose worker dies is given to another one, three
    times in all.

    Random numbers: the global generators of NumPy, Python's ``random``, PyTorch and
    Brian2's runtime targets are seeded before each point from a hash of the function's
    name and the values of the point, not of its code. So points that draw without a seed
    are independent of each other, and any point gets the same numbers on every executor
    and in every later sweep, also after a change of code; ``point_seed`` and `seeded`
    give them once more by hand. A generator that the function makes itself, such as
    ``numpy.random.default_rng()``, and those of other libraries take a seed from the
    grid. What a module draws when it is imported is no part of a point.

    In each process one point runs at a time: Brian2 keeps its device in module state.
    With an executor of threads they therefore run one after the other.

    Raises:
        FwpError: one sentence, before anything runs: a wrong grid, a name that the
            function does not take, a function that workers cannot import, a folder that
            cannot be written; or
            later: workers that have other code or other versions.
        KeyboardInterrupt: Ctrl+C, with a sentence that says what is kept.
    """
    from .drive import drive  # noqa: PLC0415  a worker imports this package, and needs no drive

    with heard(), patient("sweep", progress) as told:
        swept = drive(function, grid, out, executor, workers, retry, told)
    if swept.failures:
        number, failure = min(swept.failures.items())
        warn(
            f"{len(swept.failures)} of {len(swept.grid.points)} points have no result; "
            f"the first, {swept.grid.points[number]}: {failure.sentence} (all in the "
            "variable 'error')",
            stacklevel=4,
        )
    return swept.dataset


@takes(name=text("digit_memory"))
def model_function(name: str):
    """Return the model ``name`` of ``models/`` as a function to sweep over its
    parameters."""
    return function_of_model(name)


@takes(seed=whole(0, 2**53 - 1))
def seeded(seed: int):
    """Return a with block that draws the random numbers of a point, given its
    ``point_seed``.

        with fwp.sweep.seeded(int(found.point_seed.sel(a=1))):
            simulate(a=1)  # as in the sweep

    ``seed`` is a whole number from 0 to 2**53 - 1; more in
    `fwp_neuro.sweep.seeds.seeded`.
    """
    return seeds.seeded(seed)


make_callable(__name__, sweep)  # fwp_neuro.sweep(...) sweeps
