"""Ask NEST, which runs in a process of its own; tests skip where it is not installed."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

needs_nest = pytest.mark.skipif(
    find_spec("nest") is None, reason="NEST is not installed (pip install -e '.[oracle]')"
)


def ask(protocol: str, **question) -> dict:
    """Return NEST's answer, see `nest_oracle.PROTOCOLS`."""
    run = subprocess.run(
        [sys.executable, Path(__file__).with_name("nest_oracle.py")],
        input=json.dumps({"protocol": protocol, **question}), capture_output=True,
        text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout)
