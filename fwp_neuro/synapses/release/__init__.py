"""Short-term plasticity: one module per model, with its conventions, sets and exact oracle."""
