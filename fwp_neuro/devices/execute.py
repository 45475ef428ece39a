"""Run a compiled standalone program in a folder."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import brian2 as b2

from ..errors import FwpError
from .numbers_file import DONE, NOT_WRITTEN

#: how a line begins that says what is wrong (a program goes on without a file it cannot
#: read)
_WRONG = ("Error", "Could", "Cannot")


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
        work: folder to run it in, with "static_arrays" and the file of numbers; the
            program writes to "results" in it.
        arguments: variables to set, as Brian2's programs take them
            ("group.variable=value").
        environment: variables of the environment, beside those of this process.
        progress: called with the fraction done, about once a second; what it raises ends
            the program.

    Raises:
        FwpError: the program failed or crashed; with the last thing that it said.
    """
    said: list[str] = []
    start = time.perf_counter()
    try:
        process = subprocess.Popen(
            [str(program), "--results_dir", f"{work / 'results'}{os.sep}", *arguments],
            cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace",
            # in a session of its own: Ctrl+C ends it here, instead of letting the program
            # end early as if all were well
            start_new_session=True,
            env={
                **os.environ,
                **b2.prefs["devices.cpp_standalone.run_environment_variables"],
                **environment,
                # threads that wait do not keep others from working
                "OMP_WAIT_POLICY": "passive",
            },
        )  # fmt: skip
    except OSError as problem:  # e.g. a folder of programs that may not run
        raise FwpError(
            f"the standalone program {str(program)!r} does not start: "
            f"{problem.strerror}; let the variable TMPDIR name a folder whose programs "
            "may run"
        ) from None
    wrong = ""
    try:
        for line in process.stdout:
            if line.startswith(DONE):
                if progress is not None:
                    progress(float(line[len(DONE) :]))
            elif line.startswith(_WRONG):
                wrong = line.rstrip()
                break
            else:
                said.append(line.rstrip())
        else:
            process.wait()
    finally:
        process.kill()  # nothing, if it has ended
        process.wait()
        process.stdout.close()
    if wrong.startswith(NOT_WRITTEN):
        raise FwpError(
            "the results of the standalone program cannot be written, perhaps because "
            f"the disk is full ({wrong}): free some space, or let the variable TMPDIR "
            "name another folder"
        )
    if wrong or process.returncode:
        code = process.returncode
        how = (
            "it was ended"
            if wrong
            else f"signal {-code}"
            if code < 0
            else f"status {code}"
        )
        why = wrong or (said or ["it said nothing"])[-1]
        raise FwpError(f"the standalone program failed ({how}): {why}")
    return time.perf_counter() - start
