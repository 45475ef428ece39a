"""Learning by dendritic prediction."""
