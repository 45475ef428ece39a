"""The artificial realisation: rules stepped by NumPy (the oracle) and by PyTorch (differentiable)."""

from __future__ import annotations

from .apply import apply
from .oracle import oracle
from .realise import realise

__all__ = ["apply", "oracle", "realise"]
