"""Print the adjoint of a rule's step loop: the gradients of every coefficient.

With L_a = dLoss/dS_a after a micro-step, D_g = input_g + sum_r gain_gr u_r and e_ga =
sum_j channel_gj L_aj (a vector over the free side),

    dD_g = sum_a inject_ga e_ga,   du_r = sum_g gain_gr dD_g
    dchannel_gj = <D_g, sum_a inject_ga L_aj>,   dx_rj = <S_0j, du_r>,   dcarry_ab = <L_a, S_b>
    L_b <- sum_a carry_ab L_a + [b = 0] sum_r x_r du_r'

and every read-out y = S_0 q adds q dy' to L_0. One pass over the tile of L does a
micro-step and gathers e for the micro-step before; states come from a tile kept for every
micro-step of the segment. Sums over lanes are put off: a vector for each contracted cell
is left behind and all are summed together after the pass.
"""  # noqa: E501

from __future__ import annotations

from . import kernel_layout
from .recipe import Micro, Recipe
from .source import (
    BLOCKS,
    at,
    carries,
    constants,
    driven,
    each,
    injected,
    row_pointers,
    scale,
)  # fmt: skip


def structures(recipe: Recipe) -> str:
    """Print the scratch memory of the adjoint."""
    names = {f"g_{name}": kernel_layout.WIDTHS[name[0]] for name in recipe.coefficients}
    steps = len(recipe.steps)
    reads = recipe.reads_before(steps)
    lanes = len(recipe.of("c")) + 1
    side = "c" if recipe.left else "f"
    return f"""
constexpr int MICRO = {steps}, READS = {reads};
struct Backward : Coefficients {{
  {kernel_layout.members(names)}
  real* dy;                     // the gradients of the read-outs
  V *lambda, *kept, *reads, *lanes;
  void lay_out(Arena& m, const Sizes& n) {{
    Coefficients::lay_out(m, n);
{kernel_layout.take(names)}
    dy = m.take<real>(n.rows() * {kernel_layout.WIDTHS[side]});
    lambda = m.take<V>(STATES * n.contracted * n.vectors());
    const index_t block = std::min<index_t>(n.vectors(), {BLOCKS[0]});
    kept = m.take<V>((n.segment * MICRO + 1) * STATES * n.contracted * block);
    reads = m.take<V>(n.segment * READS * block + 1);
    lanes = m.take<V>({lanes} * n.padded());
  }}
}};
"""


def _pairs(micro: Micro) -> list[tuple[int, int]]:
    """Return the (write, state) pairs of a micro-step that meet."""
    return [
        (g, a)
        for g, w in enumerate(micro.writes)
        for a, item in enumerate(w.inject)
        if item
    ]


def _readout(recipe: Recipe, row: str, block: int) -> tuple[str, str, str, str]:
    """Print how a read-out meets the adjoint: before the loop, into L_0, its gradient,
    after."""
    q = recipe.query
    free = f"((const V*)b.{q})" if recipe.left else "((const V*)b.dy)"
    contracted = "b.dy" if recipe.left else f"b.{q}"
    before = [
        each(block, f"const V R_@ = {free}[({row}) * vectors + v0 + @];"),
        f"const real* P = {contracted} + ({row}) * padded;",
    ]
    if recipe.left:
        before.append(each(block, "V z_@ = {};"))
        inside = each(block, "z_@ += P[j] * s0_@;")
        after = each(block, f"((V*)b.g_{q})[({row}) * vectors + v0 + @] += z_@;")
    else:
        inside = f"lanes[j] = {' + '.join(f's0_{v} * R_{v}' for v in range(block))};"
        after = f"sum_lanes(lanes, padded, b.g_{q} + ({row}) * padded);"
    return "\n".join(before), "P[j] * R_@", inside, after


def _old(recipe: Recipe, block: int, states) -> str:
    lines = [
        each(block, f"const V s{a}_@ = src[({a} * C + j) * {block} + @];") for a in states
    ]
    lines += [
        each(block, f"V l{a}_@ = tile[({a} * C + j) * {block} + @];")
        for a in range(recipe.states)
    ]
    return "\n".join(lines)


def block_function(recipe: Recipe, block: int) -> str:
    """Print the loop backward over the tokens of a segment for one block."""
    last = recipe.steps[-1]
    every = dict.fromkeys(pair for micro in recipe.steps for pair in _pairs(micro))
    before, into, inside, after = _readout(recipe, "tokens", block)
    start = [
        *(each(block, f"V e{g}_{a}_@ = {{}};") for g, a in every),
        "{ const V* src = kept + tokens * MICRO * size;",
        before,
        row_pointers([w.channel for w in last.writes], "tokens", "a_"),
        "for (index_t j = 0; j < C; ++j) {",
        _old(recipe, block, [0]),
        each(block, f"l0_@ += {into};"),
        each(block, f"tile[j * {block} + @] = l0_@;"),
        *_gathered(last, "e", "l", block),
        inside,
        "}",
        after,
        "}",
    ]
    steps = [_micro_step(recipe, m, block) for m in reversed(range(len(recipe.steps)))]
    body, loop = "\n".join(start), "\n".join(steps)
    return f"""
static void backward_block_{block}(const Backward& b, const Sizes& n, index_t v0, index_t tokens,
                            V* tile) {{
  const index_t C = n.contracted, padded = n.padded(), vectors = n.vectors();
  const index_t size = STATES * C * {block};
  const V *kept = b.kept, *reads = b.reads;
  V* lanes = b.lanes;
  (void)padded; (void)vectors; (void)lanes; (void)reads;
{body}
  for (index_t t = tokens; t-- > 0;) {{
{loop}
  }}
}}
"""  # noqa: E501


def _gathered(micro: Micro, name: str, adjoint: str, block: int) -> list[str]:
    return [
        each(
            block, f"{name}{g}_{a}_@ += a_{micro.writes[g].channel}[j] * {adjoint}{a}_@;"
        )
        for g, a in _pairs(micro)
    ]


def _total(terms: str, block: int) -> str:
    return " + ".join(terms.replace("@", str(v)) for v in range(block))


def _error(micro: Micro, block: int) -> list[str]:
    """Print dD and du, and the gradients of inputs, gains and injections."""
    lines = []
    for g, write in enumerate(micro.writes):
        terms = []
        for a, weight in enumerate(write.inject):
            if weight:
                terms.append(
                    f"e{g}_{a}_@" if weight == "1" else f"{at(weight)} * e{g}_{a}_@"
                )
                if weight != "1":
                    total = _total(f"e{g}_{a}_@ * d{g}_@", block)
                    lines.append(f"b.g_{weight}[t + 1] += across({total});")
        lines.append(each(block, f"const V w{g}_@ = {' + '.join(terms) or 'V{}'};"))
        if write.input:
            lines.append(each(block, f"{_mine(write.input)} += w{g}_@;"))
        for r, gain in enumerate(write.gains):
            if gain and gain[0] == "f":
                lines.append(each(block, f"{_mine(gain)} += w{g}_@ * u{r}_@;"))
            elif gain:
                total = _total(f"w{g}_@ * u{r}_@", block)
                lines.append(f"b.g_{gain}[t + 1] += across({total});")
    for r in range(len(micro.reads)):
        terms = [
            f"{at(w.gains[r])} * w{g}_@" for g, w in enumerate(micro.writes) if w.gains[r]
        ]
        lines.append(each(block, f"const V du{r}_@ = {' + '.join(terms) or 'V{}'};"))
    return lines


def _mine(name: str) -> str:
    return f"((V*)b.g_{name})[(t + 1) * vectors + v0 + @]"


def _contracted(micro: Micro) -> dict[str, list[str]]:
    """Return the terms of the gradients of contracted coefficients, before the sum over
    lanes."""
    terms: dict[str, list[str]] = {}
    for g, a in _pairs(micro):
        terms.setdefault(micro.writes[g].channel, []).append(f"i{g}_{a}_@ * l{a}_@")
    for r, name in enumerate(micro.reads):
        terms.setdefault(name, []).append(f"s0_@ * du{r}_@")
    for a, row in enumerate(micro.carry):
        for b, item in enumerate(row):
            if item is not None and item.contracted:
                free = f" * k_{item.free}_@" if item.free else ""
                terms.setdefault(item.contracted, []).append(f"l{a}_@ * s{b}_@{free}")
    return terms


def _decays(micro: Micro) -> list[tuple[str, str]]:
    """Return (shared or free coefficient, its gradient's terms over j) of the carries."""
    found = []
    for a, row in enumerate(micro.carry):
        for b, item in enumerate(row):
            if item is not None and item.free:
                contracted = f"p_{item.contracted}[j] * " if item.contracted else ""
                found.append((item.free, f"{contracted}l{a}_@ * s{b}_@"))
            elif item is not None and item.shared:
                found.append((item.shared, f"l{a}_@ * s{b}_@"))
    return found


def _micro_step(recipe: Recipe, m: int, block: int) -> str:
    micro, before = recipe.steps[m], recipe.steps[m - 1]
    terms, decays = _contracted(micro), _decays(micro)
    names = [
        *micro.reads,
        *(item.contracted for item in carries(micro) if item.contracted),
    ]
    offset = recipe.reads_before(m)
    summed = list(terms)
    lines = [
        f"const V* src = kept + (t * MICRO + {m}) * size;",
        *(
            each(
                block,
                f"const V u{r}_@ = reads[(t * READS + {offset + r}) * {block} + @];",
            )
            for r in range(len(micro.reads))
        ),
        *(driven(w, g, block) for g, w in enumerate(micro.writes)),
        injected(micro, block),
        constants(micro, block),
        *_error(micro, block),
        row_pointers(names, "t + 1"),
        row_pointers([w.channel for w in before.writes], "t + 1" if m else "t", "a_"),
        *(each(block, f"V h{g}_{a}_@ = {{}};") for g, a in _pairs(before)),
        *(
            each(block, f"V f_{name}_@ = {{}};")
            for name in dict.fromkeys(n for n, _ in decays)
        ),
        *(
            f"V* lanes_{name} = lanes + {n} * padded;"
            for n, name in enumerate(summed, start=1)
        ),
    ]
    start, into, inside, after = _readout(recipe, "t", block) if m == 0 else [""] * 4
    lines += [
        start,
        "for (index_t j = 0; j < C; ++j) {",
        _old(recipe, block, range(recipe.states)),
    ]
    lines += [f"lanes_{n}[j] = {_total(' + '.join(terms[n]), block)};" for n in summed]
    lines += [each(block, f"f_{name}_@ += {term};") for name, term in decays]
    for b in range(recipe.states):
        column = [row[b] for row in micro.carry]
        new = [
            f"{scale(item)}l{a}_@" for a, item in enumerate(column) if item is not None
        ]
        if b == 0:
            new += [f"p_{name}[j] * du{r}_@" for r, name in enumerate(micro.reads)]
            new += [into] if into else []
        lines.append(each(block, f"const V o{b}_@ = {' + '.join(new) or 'V{}'};"))
        lines.append(each(block, f"tile[({b} * C + j) * {block} + @] = o{b}_@;"))
    lines += [*_gathered(before, "h", "o", block), inside, "}", after]
    lines += [
        f"sum_lanes(lanes_{n}, padded, b.g_{n} + (t + 1) * padded);" for n in summed
    ]
    for name in dict.fromkeys(n for n, _ in decays):
        if name[0] == "f":
            lines.append(each(block, f"{_mine(name)} += f_{name}_@;"))
        else:
            lines.append(f"b.g_{name}[t + 1] += across({_total(f'f_{name}_@', block)});")
    lines += [each(block, f"e{g}_{a}_@ = h{g}_{a}_@;") for g, a in _pairs(before)]
    return "{\n" + "\n".join(line for line in lines if line.strip()) + "\n}"
