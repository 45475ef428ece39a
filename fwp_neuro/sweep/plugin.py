"""Let the workers of a Dask scheduler set themselves up, those that are there and those
to come."""

from __future__ import annotations

from distributed import WorkerPlugin

from ..errors import FwpError
from .preload import dask_setup


class SetUp(WorkerPlugin):
    """Does on every worker what ``--preload fwp_neuro.sweep.preload`` does."""

    name = "fwp_neuro.sweep"

    def setup(self, worker) -> None:
        """Set up a worker (Dask calls this)."""
        dask_setup(worker)


def set_up(client) -> None:
    """Have the workers of a client set up.

    Raises:
        FwpError: they cannot, as when the package is not installed where they run.
    """
    try:
        client.register_plugin(SetUp())
    except Exception as problem:  # whatever went wrong on the workers
        words = " ".join(str(problem).split())
        raise FwpError(
            f"the Dask workers cannot be set up: {type(problem).__name__}: {words}"
        ) from problem
