"""Print where a kernel finds its signals, keeps its coefficients, and how it computes
them.

Every coefficient has one row a token of the segment: a number (shared), ``padded``
numbers (contracted side) or ``vectors`` vectors of lanes (free side). Row 0 belongs to no
token: its zeros stand for what is before the segment.
"""

from __future__ import annotations

from . import support
from .printer import cxx, value
from .recipe import Recipe

#: how many elements a row has, by the side of the coefficient
WIDTHS = {"s": "1", "c": "n.padded()", "f": "n.vectors() * W"}
_COUNTS = {"c": "n.contracted", "f": "n.free"}


def arrays(recipe: Recipe) -> dict[str, str]:
    """Return name -> elements a row of every array of the coefficients."""
    found = {name: WIDTHS[name[0]] for name in recipe.coefficients}
    return found | {name: "1" for name, _ in recipe.pools}


def members(names) -> str:
    """Print the declaration of arrays of numbers."""
    listed = ", ".join(f"*{name}" for name in names)
    return f"real {listed};" if listed else ""


def take(names: dict[str, str]) -> str:
    """Print how arrays are laid out in the scratch memory."""
    return "\n".join(f"    {n} = m.take<real>(n.rows() * {w});" for n, w in names.items())


def structures(recipe: Recipe) -> str:
    """Print the structures of the signals, of the coefficients and of the forward
    scratch."""
    names = arrays(recipe)
    side = "c" if recipe.left else "f"
    return f"""
constexpr int SIGNALS = {len(recipe.signals)}, STATES = {recipe.states};
{support.SIGNALS}

struct Coefficients {{
  {members(names)}
  void lay_out(Arena& m, const Sizes& n) {{
{take(names)}
  }}
}};

struct Forward : Coefficients {{
  V *state, *lanes;  // the states of one head, block after block; one vector a contracted cell
  real* out;         // read-outs
  void lay_out(Arena& m, const Sizes& n) {{
    Coefficients::lay_out(m, n);
    state = m.take<V>(STATES * n.contracted * n.vectors());
    lanes = m.take<V>(n.padded());
    out = m.take<real>(n.rows() * {WIDTHS[side]});
  }}
}};
"""  # noqa: E501


def raw_rows(recipe: Recipe) -> str:
    """Print pointers to a token's signals (``r_``) and the values of the shared ones
    (``x_``)."""
    lines = []
    for number, name in enumerate(recipe.signals):
        at = f"signals.all[{number}].first + signals.all[{number}].token * (first + t)"
        if recipe.homes[name] == "shared":
            lines.append(f"    const real {value(name)} = *({at});")
        else:
            lines.append(f"    const real* __restrict r_{name} = {at};")
    return "\n".join(lines)


def _fetch(recipe: Recipe) -> str:
    """Print a prefetch of the same token's signals in the next segment.

    Signals are read once, with gaps between heads that the processor does not foresee.
    """
    lines = []
    for number, name in enumerate(recipe.signals):
        side = next(side for side in "scf" if name in recipe.signals_of(side))
        if side != "s":
            step = f"signals.all[{number}].token * ahead"
            lines.append(
                f"    for (index_t i = 0; i < {_COUNTS[side]}; i += 64 / sizeof(real)) "
                f"__builtin_prefetch(r_{name} + {step} + i, 0, 2);"
            )
    return "\n".join(lines)


def load(recipe: Recipe, side: str) -> str:
    """Print the values of one cell's signals."""
    names = recipe.signals_of(side)
    return " ".join(f"const real {value(name)} = r_{name}[i];" for name in names)


def loop(recipe: Recipe, side: str, body: list[str], sums=()) -> str:
    """Print a loop over the cells of a side; ``sums`` are the numbers that add up over
    them."""
    if not body:
        return ""
    summed = f"#pragma omp simd reduction(+ : {', '.join(sums)})\n" if sums else ""
    lines = "\n".join(f"      {line}" for line in body)
    return (
        f"{summed}    for (index_t i = 0; i < {_COUNTS[side]}; ++i) {{\n"
        f"      {load(recipe, side)}\n{lines}\n    }}\n"
    )


def rows(names, prefix: str = "", const: str = "") -> str:
    """Print pointers ``row_...`` to the rows of arrays of the contracted or the free
    side."""
    return "\n".join(
        f"    {const}real* __restrict row_{prefix}{n} = b.{prefix}{n} + (t + 1) * "
        f"{WIDTHS[n[0]]};"
        for n in names
        if n[0] in "cf"
    )


def coefficients(recipe: Recipe) -> str:
    """Print the function that evaluates the pooled sums and coefficients of a segment."""
    lines = []
    for name, argument in recipe.pools:
        lines.append(f"    real {value(name)} = 0;")
        body = [f"{value(name)} += {cxx(argument)};"]
        lines.append(loop(recipe, recipe.pooled_side, body, [value(name)]))
        lines.append(f"    b.{name}[t + 1] = {value(name)};")
    for name in recipe.of("s"):
        lines.append(f"    b.{name}[t + 1] = {cxx(recipe.coefficients[name])};")
    for side in "cf":
        body = [f"row_{n}[i] = {cxx(recipe.coefficients[n])};" for n in recipe.of(side)]
        lines.append(loop(recipe, side, body))
    body = "\n".join(lines)
    return f"""
static void coefficients(const Signals& signals, index_t first, index_t tokens, index_t ahead,
                         const Sizes& n, const Coefficients& b) {{
  for (index_t t = 0; t < tokens; ++t) {{
{raw_rows(recipe)}
{_fetch(recipe)}
{rows(recipe.coefficients)}
{body}
  }}
}}
"""  # noqa: E501
