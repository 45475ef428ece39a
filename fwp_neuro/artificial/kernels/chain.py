"""Print the chain rule from the gradients of the coefficients to those of the signals."""

from __future__ import annotations

from . import kernel_layout
from .printer import cxx, slope, value
from .recipe import Recipe


def _terms(recipe: Recipe, side: str, name: str) -> str:
    """Print sum_n dLoss/dcoefficient_n dcoefficient_n/dname over the coefficients of a
    side."""
    found = []
    for n in recipe.of(side):
        derivative = slope(recipe.coefficients[n], name)
        if derivative != 0:
            mine = f"b.g_{n}[t + 1]" if side == "s" else f"row_g_{n}[i]"
            found.append(mine if derivative == 1 else f"{mine} * ({cxx(derivative)})")
    return " + ".join(found)


def gradients(recipe: Recipe) -> str:
    """Print the function that turns a segment's gradients of coefficients into those of
    signals."""
    shared = [*recipe.signals_of("s"), *(name for name, _ in recipe.pools)]
    lines = [f"    real d_{name} = 0;" for name in shared]
    lines += [
        f"    const real {value(name)} = b.{name}[t + 1];" for name, _ in recipe.pools
    ]
    for number, name in enumerate(recipe.signals):
        width = {"c": " * n.contracted", "f": " * n.free"}
        side = next(side for side in "scf" if name in recipe.signals_of(side))
        place = f"all[{number}] + at{width.get(side, '')}"
        lines.append(f"    real* __restrict o_{name} = {place};")
    for side in "cf":
        body = [
            f"o_{s}[i] = {_terms(recipe, side, s) or '0'};"
            for s in recipe.signals_of(side)
        ]
        sums = {s: _terms(recipe, side, s) for s in shared}
        sums = {s: terms for s, terms in sums.items() if terms}
        body += [f"d_{s} += {terms};" for s, terms in sums.items()]
        lines.append(kernel_layout.loop(recipe, side, body, [f"d_{s}" for s in sums]))
    for s in shared:
        terms = _terms(recipe, "s", s)
        if terms:
            lines.append(f"    d_{s} += {terms};")
    lines += [_pool(recipe, n, shared) for n in reversed(range(len(recipe.pools)))]
    lines += [f"    *o_{s} = d_{s};" for s in recipe.signals_of("s")]
    body = "\n".join(lines)
    grads = kernel_layout.rows(
        [f"{name}" for name in recipe.coefficients], "g_", "const "
    )
    return f"""
static void gradients_of_signals(const Signals& signals, index_t first, index_t tokens,
                                 const Sizes& n, const Backward& b, real* const* all,
                                 index_t head) {{
  for (index_t t = 0; t < tokens; ++t) {{
    const index_t at = (head / n.heads * n.tokens + first + t) * n.heads + head % n.heads;
{kernel_layout.raw_rows(recipe)}
{grads}
{body}
  }}
}}
"""


def _pool(recipe: Recipe, number: int, shared: list[str]) -> str:
    """Print the chain rule through one pooled sum; inner sums come later."""
    name, argument = recipe.pools[number]
    body = []
    for s in recipe.signals_of(recipe.pooled_side):
        derivative = slope(argument, s)
        if derivative != 0:
            body.append(f"o_{s}[i] += g_{name} * ({cxx(derivative)});")
    sums = {s: slope(argument, s) for s in shared}
    sums = {s: derivative for s, derivative in sums.items() if derivative != 0}
    body += [
        f"d_{s} += g_{name} * ({cxx(derivative)});" for s, derivative in sums.items()
    ]
    inside = kernel_layout.loop(
        recipe, recipe.pooled_side, body, [f"d_{s}" for s in sums]
    )
    return f"    {{ const real g_{name} = d_{name};\n{inside}    }}"
