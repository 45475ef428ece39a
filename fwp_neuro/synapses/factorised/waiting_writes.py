"""Writes that wait for the next presynaptic spike.

A trace x of a presynaptic cell decays exponentially between its spikes. What postsynaptic
spikes or time write into w meanwhile is then x now times a sum that the postsynaptic cell
can keep for all of its synapses,

    w(t) = w(t0) + x(t)/late(t) (S(t) - S(t0)),   S <- S + G late,   late decays as x does,

with t0 the last presynaptic spike: the synapse stores S(t0) and is touched at presynaptic
spikes only. If w itself decays, or a postsynaptic factor scales it (dw/dt = H w), both w
and S are kept relative to the product of what did so. S - S(t0) loses digits as late
falls, so that everything is renewed every few time constants. Own derivation; the idea of
the sum on the postsynaptic cell is that of archived spikes in Morrison, Aertsen &
Diesmann 2007, Neural Comput. 19:1437, doi:10.1162/neco.2007.19.6.1437.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy
from brian2 import Equations
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str
from brian2.utils.stringtools import get_identifiers

from ...errors import Cannot
from .anatomy import DRAWS, Anatomy
from .decays import Decay
from .spikes import Split
from .text import renamed

#: integrators for which one step of dv/dt = H v + g is known, see `relative_variables`
_METHODS = ("euler", "rk2", "rk4")


@dataclass
class Variable:
    """One synaptic variable whose writes wait.

    Attributes:
        name: of the variable.
        terms: presynaptic variable ("" for none) -> postsynaptic expression that
            postsynaptic spikes write.
        drives: likewise what every step writes, per second.
        scale: postsynaptic expression H of dv/dt = H v, or nothing.
        decay: its own decay, if it is event-driven.
        last: whether a trace is kicked in the reset of the presynaptic cell, after
            on_post has seen it: then on_pre must come after on_post.
    """

    name: str
    terms: dict[str, str] = field(default_factory=dict)
    drives: dict[str, str] = field(default_factory=dict)
    scale: str = ""
    decay: Decay | None = None
    last: bool = False

    @property
    def traces(self) -> list[str]:
        """The presynaptic variables of all writes."""
        return list({**self.terms, **self.drives})


def find(
    anatomy: Anatomy, moved: Mapping[str, str], parts: Mapping[str, Split], found: list
) -> list[Variable]:
    """Return the variables whose writes can wait for presynaptic spikes.

    Args:
        anatomy, moved: of the model.
        parts: side -> code of its spikes.
        found: decays of variables that stay.

    Raises:
        Cannot: with the reason, if one of them cannot, or if there is none.
    """
    code = parts["post"].synapse
    staying = [n for n in anatomy.variables if n not in moved]
    clocked = [n for n in staying if anatomy.is_clock_driven(n)]
    clocked += [one.variable for one in found if one.drive]
    wanted = [
        n for n in staying if n in clocked or any(line.target == n for line in code)
    ]
    if not wanted:
        raise Cannot("only presynaptic spikes change what is on the synapse")
    for line in code:
        if line.target not in wanted:
            raise Cannot(_not_a_variable(anatomy, line.target, moved))
    summed = [n for n, e in anatomy.equations.items() if "summed" in e.flags]
    for name in summed:
        if anatomy.sources([*anatomy.equations[name].identifiers]) & set(wanted):
            raise Cannot(f"{name} needs the weights in every step")
    variables = [_variable(anatomy, moved, name, code, wanted, found) for name in wanted]
    for one in variables:
        own = [n for n in one.terms if n and n.removesuffix("_pre") not in moved]
        one.last = bool(own)
        changed = {line.target for line in parts["pre"].synapse} & set(wanted)
        if one.last and (changed or kicked(variables, parts["pre"])):
            raise Cannot(
                f"{own[0]} is kicked in the reset of its cell, but on_pre comes before"
            )
    return variables


def kicked(variables: list[Variable], split: Split) -> set[str]:
    """Return the traces of waiting writes that a presynaptic cell changes at its
    spikes."""
    traces = {trace.removesuffix("_pre") for one in variables for trace in one.traces}
    return traces & {line.target for line in [*split.before, *split.after]}


def _not_a_variable(anatomy: Anatomy, name: str, moved: Mapping[str, str]) -> str:
    """Return why on_post may not set what is no waiting variable."""
    trace = name.removesuffix("_now")
    if trace != name and moved.get(trace) == "post":
        return f"on_post needs {trace} as it was and as it is after its kick"
    if name in anatomy.temporaries("post"):
        return (
            f"on_post keeps a value in {name}: write out what it stands for where it is "
            "used"
        )
    return f"postsynaptic spikes also change {name}"


def _variable(anatomy, moved, name, code, wanted, found) -> Variable:
    own = [line for line in code if line.target == name]
    if anatomy.is_clock_driven(name):
        return _advanced(anatomy, moved, name, own, wanted)
    total: dict[str, list[str]] = {}
    for line in own:
        added = f"({line.plain().expression}) - {name}"
        try:
            terms, scale = _terms(anatomy, moved, name, added, wanted)
        except Cannot:
            if line.op in ("+=", "-="):
                raise
            scale = "unknown"
        if scale:
            raise Cannot(f"postsynaptic spikes do more to {name} than add to it")
        for trace, expression in terms.items():
            total.setdefault(trace, []).append(f"({expression})")
    decay = next((one for one in found if one.variable == name), None)
    if decay is None and anatomy.is_event_driven(name):
        raise Cannot(f"{name} keeps a time stamp")
    drives: dict[str, str] = {}
    if decay is not None and decay.drive:
        names = {n: f"{n}_{side}" for n, side in moved.items()}
        drive = renamed(decay.drive, names)
        drives, _ = _terms(anatomy, moved, name, drive, wanted)
    terms = {n: " + ".join(t) for n, t in total.items()}
    return Variable(name, terms, drives, decay=decay)


def _advanced(anatomy, moved, name, own, wanted) -> Variable:
    """Return a variable that every step writes, and nothing else."""
    if own:
        raise Cannot(f"both time and postsynaptic spikes change {name}")
    inner = sorted(anatomy.rates(name) & set(moved))
    if inner and anatomy.text.method != "euler":
        raise Cannot(f"a step of {name} sees intermediate values of {', '.join(inner)}")
    names = {n: f"{n}_{side}" for n, side in moved.items()}
    right = dict(anatomy.equations.get_substituted_expressions())[name]
    rest = renamed(str(right), names)
    if anatomy.equations.is_stochastic:
        raise Cannot(f"{name} is driven by noise of its own")
    terms, scale = _terms(anatomy, moved, name, rest, wanted)
    if scale and anatomy.text.method not in _METHODS:
        raise Cannot(f"the step of {anatomy.text.method!r} for {name} is not known here")
    return Variable(name, drives=terms, scale=scale)


def _terms(anatomy, moved, name, expression, wanted) -> tuple[dict[str, str], str]:
    """Take a sum apart: presynaptic trace -> factor, and the factor of the variable
    itself."""
    cells = Equations(anatomy.text.pre)
    sums = {n: f"({cells[n].expr})" for n in cells.subexpr_names}
    inner = {
        f"{n}_pre": renamed(e, {m: f"{m}_pre" for m in cells.names})
        for n, e in sums.items()
    }
    for _ in range(len(inner)):
        expression = renamed(expression, inner)
    drawn = sorted(DRAWS & get_identifiers(expression))
    if drawn:
        raise Cannot(f"{name} has a draw of its own ({drawn[0]})")
    line = str_to_sympy(expression)
    pre = sorted((s for s in line.free_symbols if s.name.endswith("_pre")), key=str)
    itself = sympy.Symbol(name, real=True)
    for symbol in line.free_symbols - {itself, *pre}:
        if (
            symbol.name in wanted
            or symbol.name in anatomy.variables
            and symbol.name not in moved
        ):
            raise Cannot(f"{name} follows {symbol.name}, which is on the synapse too")
        if symbol.name in ("t", "i", "j"):
            raise Cannot(f"{name} depends on {symbol.name}")
    try:
        parts = sympy.Poly(line, *pre, itself).terms()
    except sympy.PolynomialError:
        raise Cannot(
            f"{name} is not a sum of presynaptic times postsynaptic factors"
        ) from None
    found, scale = {}, ""
    for powers, factor in parts:
        *of_pre, of_itself = powers
        text = sympy_to_str(factor)
        if sum(powers) > 1:
            raise Cannot(f"{name} is not a sum of presynaptic times postsynaptic factors")
        if of_itself:
            scale = text
        else:
            trace = next(
                (s.name for s, power in zip(pre, of_pre, strict=True) if power), ""
            )
            if trace:
                rate_of(anatomy, moved, trace)
            found[trace] = text
    return found, scale


def rate_of(anatomy, moved, trace: str) -> str:
    """Return the rate at which a presynaptic trace decays between its spikes."""
    name = trace.removesuffix("_pre")
    if name in moved:
        equations = anatomy.equations
    else:
        equations = Equations(anatomy.text.pre)
        if "pre" in anatomy.late:
            raise Cannot(f"{trace} is kicked without the delay of on_pre")
    if name not in equations.diff_eq_names:
        raise Cannot(f"{trace} does not decay as an exponential")
    x = sympy.Symbol(name, real=True)
    line = str_to_sympy(str(dict(equations.get_substituted_expressions())[name])).expand()
    slope = line.coeff(x, 1)
    uniform = all(s.name in anatomy.uniform and s.name != "t" for s in slope.free_symbols)
    if sympy.simplify(line - slope * x) != 0 or not uniform:
        raise Cannot(f"{trace} does not decay as an exponential")
    return sympy_to_str(sympy.simplify(-slope))
