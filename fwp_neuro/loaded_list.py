"""What a child process loaded, told to the process that started it (see
`fwp_neuro.loaded_code`)."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from multiprocessing.util import Finalize

#: the environment variable that names the folder for the lists
FOLDER = "FWP_NEURO_LOADED"


def write_at_exit() -> None:
    """Write which files of Python code this process has loaded, when it ends."""
    Finalize(None, _write, args=(os.environ[FOLDER],), exitpriority=0)


def _write(folder: str) -> None:
    modules = [getattr(module, "__dict__", {}) for module in list(sys.modules.values())]
    files = {str(names.get("__file__")) for names in modules}
    found = [os.path.abspath(file) for file in files if file.endswith(".py")]
    # the folder is gone when nobody waits for the list any more
    with (
        contextlib.suppress(OSError),
        tempfile.NamedTemporaryFile(
            "w", dir=folder, delete=False, encoding="utf-8"
        ) as file,
    ):
        file.write("\n".join(found))
