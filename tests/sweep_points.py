"""A function for the tests of sweeps, written into a folder: it leaves a trace of every
call."""

SOURCE = '''
"""Points that leave traces."""

import os
import time
from pathlib import Path

HERE = Path(__file__).parent
FACTOR = 10


def point(a, b=0):
    """Return FACTOR a + b; a point with the file hold-A waits until that file is gone."""
    (HERE / f"start-{a}-{b}-{os.getpid()}-{time.time_ns()}").touch()
    while (HERE / f"hold-{a}").exists():
        time.sleep(0.02)
    if (HERE / f"fail-{a}").exists():
        raise ValueError(f"no {a} today,\\n  sorry")
    if (HERE / f"die-{a}").exists():
        os.kill(os.getpid(), 9)
    return FACTOR * a + b
'''


class Traces:
    """The folder of `point`: what was called how often, and by which processes."""

    def __init__(self, folder):
        self.folder = folder
        self.module = f"points_of_{folder.name}"
        (folder / f"{self.module}.py").write_text(SOURCE)

    def switch(self, kind, a, on=True):
        """Let ``point(a)`` hold, fail or die, or no more."""
        file = self.folder / f"{kind}-{a}"
        file.touch() if on else file.unlink(missing_ok=True)

    def calls(self):
        """Return how often each (a, b) was called."""
        found = {}
        for file in self.folder.glob("start-*"):
            a, b = map(int, file.name.split("-")[1:3])
            found[a, b] = found.get((a, b), 0) + 1
        return found

    def process(self, a):
        """Return the process that called ``point(a)`` last, or None."""
        files = sorted(
            self.folder.glob(f"start-{a}-*"), key=lambda file: file.name.split("-")[4]
        )
        return int(files[-1].name.split("-")[3]) if files else None
