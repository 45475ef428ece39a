"""Short-term potentiation, passive and use-dependent."""
