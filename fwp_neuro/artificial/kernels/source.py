"""Print the C++ step loop of a rule.

A tile holds the states of all contracted cells j and of a block of free cells, which are
the lanes of 1, 2 or 4 vectors. One pass over the tile does a whole micro-step: it writes
the new state and gathers from it the read-out and what the next micro-step reads, so that
a state is loaded and stored once a token and every sum over j runs in lanes of its own.
"""

from __future__ import annotations

from .recipe import Carry, Drive, Micro, Recipe

#: vectors of lanes in a block
BLOCKS = (4, 2, 1)


def each(block: int, line: str) -> str:
    """Repeat a line for every vector of a block: ``@`` stands for its number."""
    return " ".join(line.replace("@", str(v)) for v in range(block))


def at(name: str, row: str = "t + 1") -> str:
    """Print a coefficient's place in the loop over j (contracted), of a vector (free) or
    shared."""
    if name[0] == "f":
        return f"((const V*)b.{name})[({row}) * vectors + v0 + @]"
    return f"b.{name}[{row}]"


def row_pointers(names, row: str, prefix: str = "p_") -> str:
    """Print pointers to the rows of contracted coefficients."""
    unique = dict.fromkeys(names)
    return " ".join(
        f"const real* {prefix}{n} = b.{n} + ({row}) * padded;" for n in unique
    )


def driven(write: Drive, number: int, block: int) -> str:
    """Print d = input + sum_r gain_r u_r of one write."""
    start = at(write.input) if write.input else "V{}"
    lines = [each(block, f"V d{number}_@ = {start};")]
    for r, gain in enumerate(write.gains):
        if gain:
            lines.append(each(block, f"d{number}_@ += {at(gain)} * u{r}_@;"))
    return "\n".join(lines)


def injected(micro: Micro, block: int) -> str:
    """Print what each write puts into each state: i<write>_<state>_<vector>."""
    lines = []
    for g, write in enumerate(micro.writes):
        for a, weight in enumerate(write.inject):
            if weight:
                factor = "" if weight == "1" else f"{at(weight)} * "
                lines.append(each(block, f"const V i{g}_{a}_@ = {factor}d{g}_@;"))
    return "\n".join(lines)


def scale(carry: Carry) -> str:
    """Print the factors of a carry as a prefix of a product."""
    shared = f"k_{carry.shared} * " if carry.shared else ""
    contracted = f"p_{carry.contracted}[j] * " if carry.contracted else ""
    free = f"k_{carry.free}_@ * " if carry.free else ""
    return shared + contracted + free


def carries(micro: Micro) -> list[Carry]:
    """Return the carries of a micro-step that are not zero."""
    return [item for row in micro.carry for item in row if item is not None]


def constants(micro: Micro, block: int) -> str:
    """Print the shared and free factors of the carries as constants of the token."""
    shared = {item.shared for item in carries(micro)} - {""}
    free = {item.free for item in carries(micro)} - {""}
    lines = [f"const real k_{name} = {at(name)};" for name in sorted(shared)]
    return "\n".join(
        lines + [each(block, f"const V k_{n}_@ = {at(n)};") for n in sorted(free)]
    )


def updated(micro: Micro, block: int) -> str:
    """Print the new states n<state>_<vector> of contracted cell j from the old
    s<state>_..."""
    lines = []
    for a, row in enumerate(micro.carry):
        terms = [f"{scale(item)}s{b}_@" for b, item in enumerate(row) if item is not None]
        terms += [
            f"p_{write.channel}[j] * i{g}_{a}_@"
            for g, write in enumerate(micro.writes)
            if write.inject[a]
        ]
        lines.append(each(block, f"const V n{a}_@ = {' + '.join(terms) or 'V{}'};"))
    return "\n".join(lines)


def block_function(recipe: Recipe, block: int) -> str:
    """Print the loop over the tokens of a segment for one block.

    With KEEP it writes every state to the next tile and every read to ``reads``, for the
    adjoint; without, it stays in one tile and gives the read-outs.
    """
    first = recipe.steps[0].reads
    most = max(len(step.reads) for step in recipe.steps)
    start = [each(block, f"V u{r}_@ = {{}};") for r in range(most)]
    if first:
        sums = [each(block, f"u{r}_@ += p_{n}[j] * src[j * {block} + @];") for r, n in
                enumerate(first)]  # fmt: skip
        start.append(f"{{ {row_pointers(first, '1')} for (index_t j = 0; j < C; ++j) {{")
        start += [*sums, "} }"]
    steps = "\n".join(_micro_step(recipe, m, block) for m in range(len(recipe.steps)))
    begin = "\n".join(start)
    return f"""
template <bool KEEP>
static void forward_block_{block}(const Coefficients& b, real* out, V* lanes, const Sizes& n,
                           index_t v0, index_t tokens, V* tile, V* reads) {{
  const index_t C = n.contracted, padded = n.padded(), vectors = n.vectors();
  const index_t size = STATES * C * {block};
  V *src = tile, *dst = tile;
  (void)padded; (void)vectors; (void)lanes; (void)out; (void)reads;
{begin}
  for (index_t t = 0; t < tokens; ++t) {{
{steps}
  }}
}}
"""  # noqa: E501


def _micro_step(recipe: Recipe, m: int, block: int) -> str:
    micro, last = recipe.steps[m], m == len(recipe.steps) - 1
    following = recipe.steps[0 if last else m + 1].reads
    next_row = "t + 2" if last else "t + 1"
    names = [w.channel for w in micro.writes]
    names += [item.contracted for item in carries(micro) if item.contracted]
    reads = [each(block, f"V x{r}_@ = {{}};") for r in range(len(following))]
    gathered = [
        each(block, f"x{r}_@ += a_{name}[j] * n0_@;") for r, name in enumerate(following)
    ]
    keep = [each(block, f"*reads++ = u{r}_@;") for r in range(len(micro.reads))]
    before, inside, after = _readout(recipe, block) if last else ("", "", "")
    old = [
        each(block, f"const V s{a}_@ = src[({a} * C + j) * {block} + @];")
        for a in range(recipe.states)
    ]
    new = [
        each(block, f"dst[({a} * C + j) * {block} + @] = n{a}_@;")
        for a in range(recipe.states)
    ]
    handed = [each(block, f"u{r}_@ = x{r}_@;") for r in range(len(following))]
    writes = "\n".join(driven(w, g, block) for g, w in enumerate(micro.writes))
    lines = [
        "if constexpr (KEEP) { dst = src + size; " + " ".join(keep) + " }",
        writes,
        injected(micro, block),
        constants(micro, block),
        row_pointers(names, "t + 1"),
        row_pointers(following, next_row, "a_"),
        *reads,
        before,
        "for (index_t j = 0; j < C; ++j) {",
        *old,
        updated(micro, block),
        *new,
        *gathered,
        inside,
        "}",
        after,
        "src = dst;",
    ]
    body = "\n".join(line for line in lines if line.strip())
    return f"{{\n{body}\n{' '.join(handed)}\n}}"


def _readout(recipe: Recipe, block: int) -> tuple[str, str, str]:
    """Print what the read-out needs before, inside and after the loop over j."""
    q = recipe.query
    if recipe.left:
        total = " + ".join(f"q_{v} * n0_{v}" for v in range(block))
        return (
            each(block, f"const V q_@ = {at(q)};"),
            f"if constexpr (!KEEP) lanes[j] = {total};",
            "if constexpr (!KEEP) sum_lanes(lanes, padded, out + (t + 1) * padded);",
        )
    return (
        row_pointers([q], "t + 1", "q_") + each(block, "V y_@ = {};"),
        f"if constexpr (!KEEP) {{ {each(block, f'y_@ += q_{q}[j] * n0_@;')} }}",
        "if constexpr (!KEEP) { "
        + each(block, "((V*)out)[(t + 1) * vectors + v0 + @] = y_@;")
        + " }",
    )
