"""Tasks: what the synapses are asked to remember, as programs (see `fwp_neuro.programs`).

`associative_recall` draws random associations; `digit_memory` stores real images of digits.
"""

from fwp_neuro.tasks.digits import digits
from fwp_neuro.tasks.keys import onehot_keys, random_keys, sparse_keys
from fwp_neuro.tasks.recall import associative_recall, digit_memory, targets

__all__ = [
    "associative_recall",
    "digit_memory",
    "digits",
    "onehot_keys",
    "random_keys",
    "sparse_keys",
    "targets",
]
