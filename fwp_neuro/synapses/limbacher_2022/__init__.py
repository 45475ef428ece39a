"""The key-value memory of Limbacher et al."""
