"""Fast forms of every affine rule, derived from its text: over all tokens, or chunk by
chunk."""

from .chunk_forms import CHUNK, FastForm, fast_form

__all__ = ["CHUNK", "FastForm", "fast_form"]
