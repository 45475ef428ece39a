"""The connection to a Dask scheduler: an executor, and a word on workers that cannot
help."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path

from ..errors import FwpError, warn

#: seconds to wait for a scheduler
TIMEOUT = 30.0


@contextlib.contextmanager
def connect(
    address: str, resources: Mapping[str, float] | None = None
) -> Iterator[Executor]:
    """Give the executor of a scheduler, for as long as the block lasts.

    Args:
        address: ``tcp://host:port``, or the JSON file that ``dask scheduler
            --scheduler-file`` writes.
        resources: what a point needs of a worker, such as ``{"GPU": 1}``: workers that
            were started with ``--resources "GPU=1"`` run one such point at a time, others
            none.

    Raises:
        FwpError: Dask is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client  # noqa: PLC0415  an extra
    except ImportError as problem:
        raise FwpError(
            f"a Dask scheduler needs distributed: pip install -e '.[cluster]' ({problem})"
        ) from problem
    where = {"address": address}
    if address.endswith(".json"):
        if not Path(address).is_file():
            raise FwpError(f"there is no scheduler file {address!r}")
        where = {"scheduler_file": address}
    elif not re.fullmatch(r"(\w+://)?[^/\s]+:\d+", address):
        raise FwpError(
            "a scheduler is named by an address such as tcp://10.0.0.1:8786 or by its "
            f"JSON file, and got {address!r}"
        )
    try:
        client = Client(**where, timeout=TIMEOUT, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as problem:
        reason = " ".join(str(problem).split()) or type(problem).__name__
        raise FwpError(f"no Dask scheduler answers at {address!r}: {reason}") from problem
    with client:
        _look(client, dict(resources or {}))
        # not pure: Dask would take two equal calls for one, and hand out an old result
        yield client.get_executor(
            pure=False, **({"resources": resources} if resources else {})
        )


def _look(client, resources: Mapping[str, float]) -> None:
    """Warn of a cluster that has no worker to run a point on, as points wait for one for
    ever."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    fit = [
        worker
        for worker in workers
        if all(
            worker["resources"].get(name, 0) >= need for name, need in resources.items()
        )
    ]
    if not workers:
        warn("the scheduler has no workers yet; the points wait for them", stacklevel=3)
    elif not fit:
        wanted = ",".join(f"{name}={need:g}" for name, need in resources.items())
        warn(
            f"none of {len(workers)} workers has the resources {wanted}; the points wait "
            f"for one that was started with --resources {wanted}",
            stacklevel=3,
        )
