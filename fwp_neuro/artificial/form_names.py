"""The forms that a rule may run in."""

FORMS = ("auto", "step", "parallel", "chunk", "compiled", "library")
