"""Rate circuits: a rule's statements as continuous dynamics or as updates once a token."""
