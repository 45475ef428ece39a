"""The kinds of synapse models, in the order of listings."""

KINDS = ("receptor", "short-term plasticity", "plasticity", "circuit")
