"""Run notebooks from their py:percent twins and keep what they show:

    python notebooks/execute.py notebooks/03_one_token.py

Warnings, progress and widgets are left out, so that the same run gives the same file.
"""

import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def execute(path: Path) -> None:
    """Write the notebook beside its script."""
    notebook = jupytext.read(path)
    notebook.metadata["kernelspec"] = KERNEL
    where = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=600, record_timing=False, resources=where).execute()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
        for data in (one.get("data", {}) for one in cell.outputs):
            for kind in [kind for kind in data if "widget" in kind]:
                del data[kind]
    notebook.metadata.pop("widgets", None)
    nbformat.write(notebook, path.with_suffix(".ipynb"))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        execute(Path(name).with_suffix(".py"))
