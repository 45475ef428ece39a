"""Rate circuits: a rule's statements as continuous dynamics or as updates once a
token."""

from __future__ import annotations

from ...lazy_names import names_of

__getattr__ = names_of(__name__, "rate_circuit")
