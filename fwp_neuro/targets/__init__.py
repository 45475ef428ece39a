"""Published numbers that the models must meet, and what the models give.

Each module has ``rows(quick) -> iterator of Row``: that of a synapse is ``targets.py`` in
its folder, which is found there; another is one more line in `rows.MODULES`.
"""

from __future__ import annotations

from .rows import Row, chosen, collect, models
from .validation_report import report

__all__ = ["Row", "chosen", "collect", "models", "report"]
