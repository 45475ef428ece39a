"""The words of a rule text: where each name lives, and which functions reach across the
circuit.

A synapse joins presynaptic cell j to postsynaptic cell i, so a quantity lives in one of
four homes:
``shared`` (a scalar), ``pre`` (a vector over j), ``post`` (over i) or ``synapse`` (a
matrix over i, j).
"""

from __future__ import annotations

import sympy

from ..errors import FwpError

HOMES = ("shared", "pre", "post")
SYNAPSE = "synapse"
BUILT_IN = {"k": "pre", "q": "pre", "v": "post"}

#: sums that reach across synapses: the home their argument must have, and the home of the
#: result
SUMS = {"read": ("pre", "post"), "back": ("post", "pre"), "pool": ("pre", "shared")}
SUM_MEANING = {
    "read": "the postsynaptic cell's summed fast input, so its argument must be "
    "presynaptic",
    "back": "a retrograde sum to the presynaptic cell, so its argument must be "
    "postsynaptic",
    "pool": "pooled presynaptic activity, so its argument must be presynaptic",
}
read, back, pool = (sympy.Function(name) for name in SUMS)
SUM_FUNCTIONS = {"read": read, "back": back, "pool": pool}

MATHS = {
    "exp": sympy.exp,
    "log": sympy.log,
    "sqrt": sympy.sqrt,
    "tanh": sympy.tanh,
    "abs": sympy.Abs,
    "sign": sympy.sign,
}

#: names a rule may not use for its own signals: they mean something here, in sympy or in
#: Brian2
RESERVED = {"w", *BUILT_IN, *SUMS, *MATHS, "t", "dt", "i", "j", "N", "pi", "e", "xi"}
#: and names of a programme's or a recording's own axes and arrays
RESERVED |= {"key", "value", "query", "token", "head", "pre", "post", "time", "label"}
RESERVED |= {"readout", "weights"}
#: arguments of `apply`, `Program` and their methods, beside which signals are passed by
#: name
TAKEN = {
    "rule",
    "initial_state",
    "form",
    "chunk",
    "scale",
    "mask",
    "cu_seqlens",
    "labels",
    "self",
}
#: dims and variables that realisations record beside a programme
TAKEN |= {
    "probe",
    "probes",
    "probe_readout",
    "token_cell",
    "spike",
    "spike_cell",
    "spike_time",
    "sequence",
    "sequence_length",
    "cell_sequence",
}
TAKEN |= {
    "channel",
    "compartment",
    "V_basal",
    "V_apical",
    "drive",
    "weight_course",
    "token_start",
}
TAKEN |= {"cell", "population", "number", "dimension", "cell_head", "cell_sign"}


def symbol(name: str) -> sympy.Symbol:
    """Return the real sympy symbol that stands for ``name`` in every expression of this
    package."""
    return sympy.Symbol(name, real=True)


def join(*homes: str) -> str:
    """Return the home of an elementwise combination: pre with post meets at the
    synapse."""
    distinct = set(homes) - {"shared"}
    if not distinct:
        return "shared"
    return distinct.pop() if len(distinct) == 1 else SYNAPSE


def home_of(expression: sympy.Expr, homes: dict[str, str], where: str) -> str:
    """Return where ``expression`` lives.

    Args:
        expression: over symbols named in ``homes`` and the sums read, back, pool.
        homes: name -> home, including the synaptic states.
        where: what to call the place in an error ("rule 'x', statement 2").

    Raises:
        FwpError: a sum is given an argument from the wrong side of the synapse.
    """
    if isinstance(expression, sympy.Symbol):
        return homes[expression.name]
    name = getattr(expression.func, "__name__", "")
    if name in SUMS:
        wanted, result = SUMS[name]
        argument = expression.args[0]
        got = home_of(argument, homes, where)
        if got != wanted:
            place = {"shared": "shared by all cells", SYNAPSE: "synaptic"}.get(
                got, f"{got}synaptic"
            )
            raise FwpError(
                f"{where}: {name}({argument}) is {SUM_MEANING[name]}; {argument} is "
                f"{place}"
            )
        return result
    return join(*(home_of(argument, homes, where) for argument in expression.args))
