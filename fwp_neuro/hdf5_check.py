"""Whether the content of an HDF5 file may be given to the HDF5 library.

The library loops for ever over some damaged files, where nothing can interrupt it. What
this package writes therefore ends with its own hash, after what HDF5 reads. A file
without one (changed by another program, which leaves the hash out, or of another origin)
is first read by a process that can be ended.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys

_MARK = b"\nfwp_neuro sha256 "
_LENGTH = len(_MARK) + 64
#: seconds that the reading of a file may take in a process of its own, and those of each
#: megabyte
PATIENCE, PATIENCE_MB = 6.0, 0.05
_CODE = """
import io, sys
import h5py
def read(name, item):
    dict(item.attrs)
    if isinstance(item, h5py.Dataset):
        item[()]
with h5py.File(io.BytesIO(sys.stdin.buffer.read())) as file:
    read("", file)
    file.visititems(read)
"""


def marked(content: bytes) -> bytes:
    """Return a file's content with its hash behind it, which HDF5 does not look at."""
    return content + _MARK + hashlib.sha256(content).hexdigest().encode()


def check(content: bytes) -> None:
    """Raise `ValueError` for a file that is not as it was saved, or not read in time."""
    if _MARK in content[-_LENGTH:]:
        if marked(content[:-_LENGTH]) != content:
            raise ValueError("it is not as it was saved")
        return
    try:
        subprocess.run(
            [sys.executable, "-c", _CODE], input=content, capture_output=True, check=True,
            timeout=PATIENCE + PATIENCE_MB * len(content) / 1e6,
        )  # fmt: skip
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as problem:
        raise ValueError("the HDF5 library cannot read it") from problem
