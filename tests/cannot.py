"""Whether something can be derived, and the reason if it cannot."""

import pytest

from fwp_neuro.errors import Cannot


def can(derive, *given) -> bool:
    """Whether ``derive`` has an answer."""
    try:
        derive(*given)
    except Cannot:
        return False
    return True


def reason(derive, *given) -> str:
    """Return why it has none."""
    with pytest.raises(Cannot) as refusal:
        derive(*given)
    return str(refusal.value)
