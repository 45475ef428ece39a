"""Eigenvalues of a rule's transition, derived from its text.

Two ways: a closed form where the text allows one (scalar decays with at most one rank-one term, or
pure decays), and numbers: the homogeneous step applied to a basis of weight matrices gives the
transition as an ordinary matrix, for any affine rule, also with extra synaptic states.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import sympy

from . import arrays
from .language import SYNAPSE, pool
from .transition import Transition


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of the transition over one token, with unit-norm signals and gates in their
    domains.

    Attributes:
        closed_form: the distinct eigenvalues as sympy expressions, or () where none is derived;
            ``pool`` sums over presynaptic cells, ``pool_post`` over postsynaptic ones.
        low, high: smallest and largest real part met.
        radius: largest modulus met.
        complex: whether any eigenvalue had an imaginary part.
        domains: the gate ranges assumed.
        note: how the range was found.
        bound: whether the range is that of the closed form; else it is the largest met in samples.
    """

    closed_form: tuple[sympy.Expr, ...]
    low: float
    high: float
    radius: float
    complex: bool
    domains: dict[str, tuple[float, float]]
    note: str
    bound: bool = False

    def __str__(self) -> str:
        kind = "complex, real part" if self.complex else "real,"
        form = "{" + ", ".join(map(str, self.closed_form)) + "}, " if self.closed_form else ""
        words = "modulus <=" if self.bound else "largest modulus met"
        span = f"{kind} in [{self.low:.3g}, {self.high:.3g}], {words} {self.radius:.3g}"
        gates = ", ".join(f"{name} in [{a:g}, {b:g}]" for name, (a, b) in self.domains.items())
        return f"{form}{span} (signals of unit norm{', ' + gates if gates else ''})"


def closed_form(transition: Transition) -> tuple[sympy.Expr, ...]:
    """Return the distinct eigenvalues where the structure gives them, else ()."""
    parts = transition.statements
    if not transition.affine or any(set(part.own) - {part.target} for part in parts):
        return ()
    if any(part.target != "w" for part in parts):
        return ()
    decays = [_spelled_out(part.diagonal, part) for part in parts]
    decay = sympy.prod(decays)
    terms = [(part, "pool", *pair) for part in parts for pair in part.reads]
    terms += [(part, "pool_post", *pair) for part in parts for pair in part.backs]
    if not terms:
        return (sympy.factor_terms(decay),)
    homes = {part.statement.home(part.diagonal) for part in parts}
    if len(terms) > 1 or homes != {"shared"}:
        return ()
    part, kind, signal, factor = terms[0]
    others = sympy.prod([own for own, at in zip(decays, parts, strict=True) if at is not part])
    overlap = _pull_out(sympy.Function(kind), signal * factor, part, kind)
    if overlap is None:
        return ()
    overlap = _spelled_out(overlap, part)
    return tuple(dict.fromkeys((decay, sympy.factor_terms(sympy.expand(decay + others * overlap)))))


def _spelled_out(expression, part) -> sympy.Expr:
    """Write the pooled sums of a lowered expression as pool(...) again, inner ones too."""
    for item in reversed(part.statement.sums):  # a sum's argument holds only sums before it
        if item.kind == "pool":
            expression = expression.subs(item.symbol, pool(item.argument))
    return expression


def _pull_out(function, product, part, kind) -> sympy.Expr | None:
    """Take what is constant along the summed side out of the sum; None if it does not factor."""
    side = "pre" if kind == "pool" else "post"
    inside, outside = [], []
    for factor in sympy.Mul.make_args(sympy.factor(product)):
        if part.statement.home(factor) == SYNAPSE:
            return None
        (inside if part.statement.home(factor) == side else outside).append(factor)
    inside_product = sympy.prod(inside)
    return sympy.prod(outside) * function(inside_product)


def matrix(statements, states, signals: Mapping[str, np.ndarray], shape) -> np.ndarray:
    """Return the transition of one token as a matrix on the stacked states.

    Args:
        statements: lowered statements of an affine rule.
        states: names of the synaptic states.
        signals: one token's signals in the shape of their homes.
        shape: (d_v, d_k).

    Returns:
        [n, n] with n = number of states x d_v x d_k.
    """
    size = len(states) * shape[0] * shape[1]
    basis = np.eye(size).reshape(size, len(states), *shape)
    start = {name: basis[:, n] for n, name in enumerate(states)}
    nothing = {name: np.zeros(shape) for name in states}
    moved = arrays.step(statements, start, signals)
    offset = arrays.step(statements, nothing, signals)
    stacked = np.stack(
        [np.broadcast_to(moved[name] - offset[name], (size, *shape)) for name in states], 1
    )
    return stacked.reshape(size, size).T


def derive(
    rule, samples: int = 400, shape: tuple[int, int] = (2, 3), seed: int = 0
) -> Spectrum | None:
    """Derive the spectrum of a rule; None if it is not affine.

    Gates run over the corners of their domains, with signals along an axis, and then over random
    points inside, with random signals of unit norm.
    """
    transition = rule.transition
    if not transition.affine:
        return None
    rng = np.random.default_rng(seed)
    domains = {name: rule.domains.get(name, (0.0, 1.0)) for name in rule.gates}
    corners = list(itertools.islice(itertools.product(*domains.values()), 64))
    values = []
    for n in range(samples):
        signals = {}
        for name, home in rule.homes.items():
            size = {"shared": (), "pre": (shape[1],), "post": (shape[0],)}[home]
            if name in domains:
                low, high = domains[name]
                inside = rng.uniform(low, high, size)
                corner = np.full(size, corners[n % len(corners)][list(domains).index(name)])
                array = corner if n < len(corners) else inside
            elif n < len(corners):  # an axis reaches the ends that random directions only approach
                array = np.eye(size[0])[n % size[0]]
            else:
                array = rng.standard_normal(size)
                array = array / np.linalg.norm(array)
            signals[name] = arrays.to_home(np.asarray(array), home)
        values.append(np.linalg.eigvals(matrix(rule.statements, rule.states, signals, shape)))
    form, bound = closed_form(transition), True
    values = np.concatenate(values)
    for expression in form:
        ends = _ends(expression, domains)
        bound &= ends is not None
        values = np.append(values, ends if ends is not None else [])
    tidy = np.round(values, 9) + 0.0  # no minus zero
    note = (
        f"{samples} tokens with d_v, d_k = {shape}: every corner of the gate domains, then random"
    )
    if form and bound:
        note = "ends of the closed form over the gate domains, for signals of unit norm"
    return Spectrum(
        form, float(tidy.real.min()), float(tidy.real.max()), float(np.abs(tidy).max()),
        bool(np.abs(tidy.imag).max() > 1e-6), domains, note, bool(form and bound),
    )  # fmt: skip


def _ends(expression: sympy.Expr, domains) -> np.ndarray | None:
    """Return the values of a closed form on a grid of gates; None if it holds other unknowns.

    Sums over signals of unit norm go to their ends: pool(x**2) = 1, pool(x*y) in [-1, 1].
    """
    ranges: dict = {}
    for item in expression.atoms(sympy.Function):
        factors = item.args[0].as_powers_dict()
        if any(str(base) in domains for base in factors):
            return None
        if list(factors.values()) == [2]:
            ranges[item] = [1.0]
        elif list(factors.values()) == [1, 1]:
            ranges[item] = [-1.0, 1.0]
        else:
            return None
    replaced = {item: sympy.Dummy() for item in ranges}
    plain = expression.subs(replaced)
    for name in (str(atom) for atom in plain.free_symbols - set(replaced.values())):
        if name not in domains:
            return None
        ranges[name] = list(np.linspace(*domains[name], 5))
    names = list(ranges)
    atoms = [replaced.get(name, sympy.Symbol(str(name), real=True)) for name in names]
    function = sympy.lambdify(atoms, plain, "numpy")
    return np.array([float(function(*point)) for point in itertools.product(*ranges.values())])
