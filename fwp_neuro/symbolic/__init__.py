"""From a rule's text to algebra: parsing, homes, transitions, eigenvalues, LaTeX and
array code."""
