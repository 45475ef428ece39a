"""Eigenvalues of a rule's transition, derived from its text.

Two ways: a closed form where the text allows one (scalar decays with at most one rank-one
term, or pure decays), and numbers: the homogeneous step applied to a basis of weight
matrices gives the transition as an ordinary matrix, for any affine rule, also with extra
synaptic states.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import sympy

from ..errors import Cannot, FwpError
from . import arrays, effort
from .language import pool, symbol
from .normal_form import Affine
from .separation import separate
from .statements import Statement
from .transition import Transition

#: corners of the gate domains that are tried, and points of a grid of gates
CORNERS, POINTS = 64, 5_000
#: operations of all eigenvalue problems together
WORK = 100_000_000


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of the transition over one token, with unit-norm signals and gates in
    their domains.

    Attributes:
        closed_form: the distinct eigenvalues as sympy expressions, or () where none is
            derived; ``pool`` sums over presynaptic cells, ``pool_post`` over postsynaptic
            ones.
        low, high: smallest and largest real part met.
        radius: largest modulus met.
        complex: whether any eigenvalue had an imaginary part.
        domains: the gate ranges assumed.
        note: how the range was found.
        bound: whether the range is that of the closed form; else it is the largest met in
            samples.
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
        form = (
            "{" + ", ".join(map(str, self.closed_form)) + "}, "
            if self.closed_form
            else ""
        )
        words = "modulus <=" if self.bound else "largest modulus met"
        span = f"{kind} in [{self.low:.3g}, {self.high:.3g}], {words} {self.radius:.3g}"
        gates = ", ".join(
            f"{name} in [{a:g}, {b:g}]" for name, (a, b) in self.domains.items()
        )
        return f"{form}{span} (signals of unit norm{', ' + gates if gates else ''})"


def closed_form(transition: Transition) -> tuple[sympy.Expr, ...]:
    """Return the distinct eigenvalues where the structure gives them, else ()."""
    parts = transition.statements
    if not transition.affine or any(set(part.own) - {part.target} for part in parts):
        return ()
    if any(part.target != "w" for part in parts):
        return ()
    decays = [_spelled_out(part.diagonal, part) for part in parts]
    terms = [(part, "pool", *pair) for part in parts for pair in part.reads]
    terms += [(part, "pool_post", *pair) for part in parts for pair in part.backs]
    if not terms:
        return (sympy.factor_terms(sympy.prod(decays)),)
    homes = {part.statement.home(part.diagonal) for part in parts}
    if len(terms) > 1 or homes != {"shared"}:
        return ()
    part, kind, signal, factor = terms[0]
    others = sympy.prod(
        [own for own, at in zip(decays, parts, strict=True) if at is not part]
    )
    overlap = _pull_out(sympy.Function(kind), signal * factor, part, kind)
    if overlap is None:
        return ()
    own, overlap = _spelled_out(part.diagonal, part), _spelled_out(overlap, part)
    try:
        along = sympy.factor_terms(effort.expand(own + overlap))
    except Cannot:
        return ()
    return tuple(
        dict.fromkeys(sympy.factor_terms(others * each) for each in (own, along))
    )


def _spelled_out(expression, part) -> sympy.Expr:
    """Write the pooled sums of a lowered expression as pool(...) again, inner ones
    too."""
    # a sum's argument holds only sums before it
    for item in reversed(part.statement.sums):
        if item.kind == "pool":
            expression = expression.xreplace({item.symbol: pool(item.argument)})
    return expression


def _pull_out(function, product, part, kind) -> sympy.Expr | None:
    """Take what is constant along the summed side out of the sum; None if it does not
    factor."""
    side = "pre" if kind == "pool" else "post"
    try:
        factors = separate(product, part.statement.home)
    except Cannot:
        return None
    return factors.off(side) * function(factors.on(side))


def matrix(
    statements,
    states,
    signals: Mapping[str, np.ndarray],
    shape,
    lead: tuple[int, ...] = (),
) -> np.ndarray:
    """Return the transition of one token as a matrix on the stacked states.

    Args:
        statements: lowered statements of an affine rule.
        states: names of the synaptic states.
        signals: one token's signals in the shape of their homes, after ``lead`` and an
            axis of 1.
        shape: (d_v, d_k).
        lead: leading axes of the signals, for many tokens at once.

    Returns:
        [*lead, n, n] with n = number of states x d_v x d_k.
    """
    size = len(states) * shape[0] * shape[1]
    basis = np.eye(size).reshape(size, len(states), *shape)
    start = {name: basis[:, n] for n, name in enumerate(states)}
    nothing = {name: np.zeros(shape) for name in states}
    moved = arrays.step(statements, start, signals)
    offset = arrays.step(statements, nothing, signals)
    columns = [
        np.broadcast_to(moved[name] - offset[name], (*lead, size, *shape))
        for name in states
    ]
    return np.stack(columns, -3).reshape(*lead, size, size).swapaxes(-1, -2)


def _homogeneous(part: Affine) -> Statement:
    """Return a statement without what it adds whatever the weights are."""
    sums = {
        item.argument: item.symbol for item in part.statement.sums if item.kind == "read"
    }
    total = [symbol(name) * factor for name, factor in part.own.items()]
    total += [sums[x] * factor for x, factor in part.reads]
    sums = {
        item.argument: item.symbol for item in part.statement.sums if item.kind == "back"
    }
    total += [sums[y] * factor for y, factor in part.backs]
    return replace(part.statement, expression=sympy.Add(*total))


def _tokens(rule, domains, samples: int, shape, seed: int) -> list[dict[str, np.ndarray]]:
    """Draw signals of unit norm, with gates in the corners of their domains and then
    inside."""
    rng = np.random.default_rng(seed)
    corners = list(itertools.islice(itertools.product(*domains.values()), CORNERS))
    found = []
    for n in range(samples):
        signals = {}
        for name, home in rule.homes.items():
            size = {"shared": (), "pre": (shape[1],), "post": (shape[0],)}[home]
            if name in domains:
                low, high = domains[name]
                inside = rng.uniform(low, high, size)
                corner = np.full(
                    size, corners[n % len(corners)][list(domains).index(name)]
                )
                array = corner if n < len(corners) else inside
            elif n < len(corners):
                # an axis reaches the ends that random directions only approach
                array = np.eye(size[0])[n % size[0]]
            else:
                array = rng.standard_normal(size)
                array = array / np.linalg.norm(array)
            signals[name] = np.asarray(array)
        found.append(signals)
    return found


def _sampled(rule, domains, samples: int, shape, seed: int) -> tuple[np.ndarray, int]:
    """Return the eigenvalues of sampled tokens, and of how many tokens they are.

    A text with roots or logarithms has no real value for some signals: there their moduli
    are tried, and tokens without any value are left out.
    """
    statements = tuple(_homogeneous(part) for part in rule.transition.statements)
    tokens = _tokens(rule, domains, samples, shape, seed)
    kept = []
    for change in (np.asarray, np.abs):
        stacked = {
            name: arrays.to_home(
                np.stack([change(token[name]) for token in tokens])[:, None], home
            )
            for name, home in rule.homes.items()
        }
        with np.errstate(all="ignore"):
            found = matrix(statements, rule.states, stacked, shape, (len(tokens),))
        finite = np.isfinite(found).all((-1, -2))
        kept.append(found[finite])
        tokens = [token for token, good in zip(tokens, finite, strict=True) if not good]
        if not tokens:
            break
    matrices = np.concatenate(kept)
    return np.linalg.eigvals(matrices).ravel(), len(matrices)


def derive(
    rule, samples: int = 400, shape: tuple[int, int] = (2, 3), seed: int = 0
) -> Spectrum | None:
    """Derive the spectrum of a rule; None if it is not affine.

    Gates run over the corners of their domains, with signals along an axis, and then over
    random points inside, with random signals of unit norm; of rules with many synaptic
    states fewer tokens are tried.

    Raises:
        FwpError: the transition is finite for none of them.
    """
    transition = rule.transition
    if not transition.affine:
        return None
    domains = {name: rule.domains.get(name, (0.0, 1.0)) for name in rule.gates}
    samples = min(samples, WORK // (len(rule.states) * shape[0] * shape[1]) ** 3 + 1)
    values, found = _sampled(rule, domains, samples, shape, seed)
    if not found:
        raise FwpError(
            f"rule {rule.name!r} has no eigenvalues: its transition is finite for none "
            f"of {samples} tokens with signals of unit norm"
        )
    form, bound = closed_form(transition), True
    for expression in form:
        ends = _ends(expression, domains)
        bound &= ends is not None
        values = np.append(values, ends if ends is not None else [])
    tidy = np.round(values, 9) + 0.0  # no minus zero
    note = (
        f"{found} tokens with d_v, d_k = {shape}: every corner of the gate domains, then "
        "random"
    )
    if found < samples:
        note += f" ({samples - found} more have no finite transition)"
    if form and bound:
        note = "ends of the closed form over the gate domains, for signals of unit norm"
    return Spectrum(
        form, float(tidy.real.min()), float(tidy.real.max()), float(np.abs(tidy).max()),
        bool(np.abs(tidy.imag).max() > 1e-6), domains, note, bool(form and bound),
    )  # fmt: skip


def _ends(expression: sympy.Expr, domains) -> np.ndarray | None:
    """Return the least and greatest value of a closed form; None if it holds other
    unknowns.

    Factors that share no gate and no sum take their ends independently of each other.
    """
    low = high = 1.0
    for factor in _independent(expression):
        ends = _grid(factor, domains)
        if ends is None:
            return None
        products = [a * b for a in (low, high) for b in (ends.min(), ends.max())]
        low, high = min(products), max(products)
    return np.array([low, high])


def _independent(expression: sympy.Expr) -> list[sympy.Expr]:
    """Split a product into factors that have no name in common."""
    groups: list[tuple[set, sympy.Expr]] = []
    for factor in sympy.Mul.make_args(expression):
        names, product = set(factor.free_symbols), factor
        for group in [group for group in groups if group[0] & names]:
            groups.remove(group)
            names, product = names | group[0], product * group[1]
        groups.append((names, product))
    return [product for _, product in groups]


def _grid(expression: sympy.Expr, domains) -> np.ndarray | None:
    """Return the values of an expression on a grid of gates; None if it holds other
    unknowns.

    Sums over signals of unit norm go to their ends: pool(x**2) = 1, pool(x*y) in [-1, 1].
    """
    ranges: dict = {}
    for item in expression.atoms(sympy.Function):
        factors = item.args[0].as_powers_dict()
        sums = item.func.__name__ in ("pool", "pool_post")
        if not sums or any(str(x) in domains or not x.is_Symbol for x in factors):
            return None
        if list(factors.values()) == [2]:
            ranges[item] = [1.0]
        elif list(factors.values()) == [1, 1]:
            ranges[item] = [-1.0, 1.0]
        else:
            return None
    replaced = {item: sympy.Dummy() for item in ranges}
    plain = expression.xreplace(replaced)
    for name in (str(atom) for atom in plain.free_symbols - set(replaced.values())):
        if name not in domains:
            return None
        low, high = domains[name]
        ranges[name] = list(np.linspace(low, high, 5))
    if math.prod(map(len, ranges.values())) > POINTS:
        return None
    names = list(ranges)
    atoms = [replaced.get(name, sympy.Symbol(str(name), real=True)) for name in names]
    function = sympy.lambdify(atoms, plain, "numpy")
    with np.errstate(all="ignore"):
        found = [float(function(*point)) for point in itertools.product(*ranges.values())]
    return np.array(found) if np.isfinite(found).all() else None
