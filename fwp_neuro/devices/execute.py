"""Run a compiled standalone program in a folder."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import FwpError
from .numbers import DONE


def execute(
    program: Path,
    work: Path,
    arguments: list[str],
    environment: Mapping[str, str],
    progress: Callable[[float], None] | None = None,
) -> float:
    """Run a program and return the seconds that its process took.

    Args:
        program: the executable.
        work: folder to run it in, with "static_arrays" and the file of numbers; the program
            writes to "results" in it.
        arguments: variables to set, as Brian2's programs take them ("group.variable=value").
        environment: variables of the environment, beside those of this process.
        progress: called with the fraction done, about once a second; what it raises ends the
            program.

    Raises:
        FwpError: the program failed or crashed; with the last thing that it said.
    """
    import brian2 as b2

    said: list[str] = []
    start = time.perf_counter()
    # in a session of its own: Ctrl+C ends it here, instead of letting the program end early as if
    # all were well
    process = subprocess.Popen(
        [str(program), "--results_dir", f"{work / 'results'}{os.sep}", *arguments],
        cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
        env={
            **os.environ,
            **b2.prefs["devices.cpp_standalone.run_environment_variables"],
            **environment,
            "OMP_WAIT_POLICY": "passive",  # threads that wait do not keep others from working
        },
    )  # fmt: skip
    try:
        for line in process.stdout:
            if not line.startswith(DONE):
                said.append(line.rstrip())
            elif progress is not None:
                progress(float(line[len(DONE) :]))
        process.wait()
    except BaseException:
        process.kill()
        raise
    finally:
        process.wait()
        process.stdout.close()
    # Brian2's programs go on without a file that they cannot read
    problems = [line for line in said if line.startswith(("Error", "Could", "Cannot"))]
    if process.returncode or problems:
        how = f"signal {-process.returncode}" if process.returncode < 0 else ""
        how = how or f"status {process.returncode}"
        why = (problems or said or ["it said nothing"])[-1]
        raise FwpError(f"the standalone program failed ({how}): {why}")
    return time.perf_counter() - start
