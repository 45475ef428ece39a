"""Print the adjoint of a rule's text as it stands (see `elementwise_text`).

With L_a = dLoss/dS_a after a statement target <- E(states, cells, sums), backward over it

    L_a <- [a is not target] L_a + L_target dE/dS_a      at every synapse
    gradients of cells' names and of sums += sum over synapses of L_target dE/dname
    L_w += du_i x_j for a sum u = read(x), y_i dz_j for z = back(y), and on to x, y by the
    chain

The states before every statement of a segment of tokens are computed again and kept.
"""

from __future__ import annotations

from ...symbolic.statements import Statement, Sum
from . import elementwise_text, kernel_layout, support
from .elementwise_text import INDEX, Literal, loads, names_in, row
from .printer import cxx, slope, value


def structures(recipe: Literal) -> str:
    """Print the scratch memory of the adjoint."""
    rows = {
        f"g_{name}": width for name, width in elementwise_text.rows_of(recipe).items()
    }
    lay_out = "\n".join(
        f"    {name} = m.take<real>({width});" for name, width in rows.items()
    )
    return f"""
struct Backward : Forward {{
  real *kept, *lambda, *{", *".join(rows)};
  void lay_out(Arena& m, const Sizes& n) {{
    Forward::lay_out(m, n);
    const index_t size = STATES * n.contracted * n.free;
    kept = m.take<real>((n.segment * STATEMENTS + 1) * size);
    lambda = m.take<real>(size);
{lay_out}
  }}
}};
"""


def _place(recipe: Literal, statement: Statement, number: int, name: str) -> str:
    """Print where the gradient of a cell's name or sum is gathered, without its index."""
    sums = {item.symbol.name: row(number, item) for item in statement.sums}
    return f"b.g_{sums[name]}" if name in sums else f"o_{name}"


def _chain(recipe, statement, number, expression, home: str, by: str) -> list[str]:
    """Print ``by`` times d expression / d name for the names at ``home``, added up."""
    lines = []
    for name in names_in(expression):
        derivative = slope(expression, name)
        if recipe.home(statement, name) == home and derivative != 0:
            place = f"d_{name}"
            if home != "shared":
                place = f"{_place(recipe, statement, number, name)}[{INDEX[home][0]}]"
            lines.append(f"{place} += {by} * ({cxx(derivative)});")
    return lines


def _through_sum(recipe: Literal, statement: Statement, number: int, item: Sum) -> str:
    """Print the way back through one sum."""
    home = "post" if item.kind == "back" else "pre"
    index, end = INDEX[home]
    gradient = f"b.g_{row(number, item)}"
    lines = [elementwise_text.argument(recipe, statement, number, item)]
    if item.kind == "pool":
        by = f"d_{item.symbol.name}"
    else:
        by = f"b.g_argument[{index}]"
    if item.kind == "read":
        lines.append(
            f"""std::memset(b.g_argument, 0, C * sizeof(real));
for (index_t i = 0; i < F; ++i)
for (index_t j = 0; j < C; ++j) {{
b.g_argument[j] += {gradient}[i] * s_w[i * C + j];
l_w[i * C + j] += {gradient}[i] * b.argument[j];
}}"""
        )
    elif item.kind == "back":
        lines.append(
            f"""for (index_t i = 0; i < F; ++i) {{
real sum = 0;
#pragma omp simd reduction(+ : sum)
for (index_t j = 0; j < C; ++j) {{
sum += {gradient}[j] * s_w[i * C + j];
l_w[i * C + j] += b.argument[i] * {gradient}[j];
}}
b.g_argument[i] = sum;
}}"""
        )
    chain = _chain(recipe, statement, number, item.argument, home, by)
    chain += _chain(recipe, statement, number, item.argument, "shared", by)
    inside = loads(recipe, statement, number, item.argument, home)
    body = "\n".join([inside, *chain])
    lines.append(f"for (index_t {index} = 0; {index} < {end}; ++{index}) {{ {body} }}")
    return "\n".join(lines)


def _through_assignment(recipe: Literal, statement: Statement, number: int) -> str:
    expression, target = statement.expression, statement.target
    homes = {name: recipe.home(statement, name) for name in names_in(expression)}
    post, shared = (
        [n for n, home in homes.items() if home == h] for h in ("post", "shared")
    )
    used = [name for name in names_in(expression) if name in recipe.names]
    states = " ".join(f"const real {value(name)} = s_{name}[i * C + j];" for name in used)
    inner = _chain(recipe, statement, number, expression, "pre", "e")
    inner += _chain(recipe, statement, number, expression, "shared", "e")
    for name in post:
        inner += [f"a_{name} += e * ({cxx(slope(expression, name))});"]
    for name in recipe.names:
        derivative = cxx(slope(expression, name)) if name in used else "0"
        if name == target:
            inner.append(f"l_{name}[i * C + j] = e * ({derivative});")
        elif name in used:
            inner.append(f"l_{name}[i * C + j] += e * ({derivative});")
    summed = [f"a_{name}" for name in post] + [f"d_{name}" for name in shared]
    simd = (
        f"#pragma omp simd reduction(+ : {', '.join(summed)})"
        if summed
        else "#pragma omp simd"
    )
    start = " ".join(f"real a_{name} = 0;" for name in post)
    end = " ".join(f"{_place(recipe, statement, number, n)}[i] += a_{n};" for n in post)
    body = "\n".join(inner)
    return f"""for (index_t i = 0; i < F; ++i) {{
{loads(recipe, statement, number, expression, "post")} {start}
{simd}
for (index_t j = 0; j < C; ++j) {{
{loads(recipe, statement, number, expression, "pre")} {states}
const real e = l_{target}[i * C + j];
{body}
}}
{end}
}}"""


def _statement(recipe: Literal, statement: Statement, number: int) -> str:
    """Print the way back over one statement."""
    lines = [
        "{",
        f"const real* S = b.kept + (t * STATEMENTS + {number}) * size;",
        elementwise_text.states_at(recipe, "S", "s_", "const "),
        "(void)s_w;",
        elementwise_text.gathered(recipe, statement, number),
    ]
    for item in statement.sums:
        here = f"b.g_{row(number, item)}"
        if item.kind == "pool":
            lines.append(f"real d_{item.symbol.name} = 0;")
        else:
            lines.append(f"std::memset({here}, 0, {INDEX[item.home][1]} * sizeof(real));")
    lines.append(_through_assignment(recipe, statement, number))
    lines += [
        _through_sum(recipe, statement, number, item) for item in reversed(statement.sums)
    ]
    return "\n".join([*lines, "}"])


def backward(recipe: Literal) -> str:
    """Print the loop backward over a segment and the function that PyTorch calls."""
    steps = [_statement(recipe, s, n) for n, s in enumerate(recipe.statements)]
    body = "\n".join(reversed(steps))
    outputs, after = [], []
    for number, name in enumerate(recipe.signals):
        home = recipe.homes[name]
        if home == "shared":
            outputs.append(f"real d_{name} = 0;")
            after.append(f"all[{number}][at] = d_{name};")
        else:
            width = INDEX[home][1]
            outputs.append(f"real* o_{name} = all[{number}] + at * {width};")
            outputs.append(f"std::memset(o_{name}, 0, {width} * sizeof(real));")
    lines = "\n".join(outputs)
    ends = "\n".join(after)
    return f"""
static void back_segment(const Signals& signals, index_t first, index_t tokens, const Sizes& n,
                         const Backward& b, const real* dreadout, real* const* all,
                         index_t head) {{
  const index_t C = n.contracted, F = n.free, size = STATES * C * F;
{elementwise_text.states_at(recipe, "b.lambda", "l_")}
  for (index_t t = tokens; t-- > 0;) {{
    const index_t at = (head / n.heads * n.tokens + first + t) * n.heads + head % n.heads;
{kernel_layout.raw_rows(recipe)}
{lines}
    {{
      const real *w = b.kept + (t + 1) * STATEMENTS * size, *dy = dreadout + at * F;
      for (index_t i = 0; i < F; ++i)
        for (index_t j = 0; j < C; ++j) {{
          o_q[j] += dy[i] * w[i * C + j];
          l_w[i * C + j] += dy[i] * r_q[j];
        }}
    }}
{body}
{ends}
  }}
}}

extern "C" int backward(const index_t* sizes, const real* const* pointers, const index_t* strides,
                        const real* checkpoints, const real* dreadout, const real* const* dfinals,
                        real* const* gradients, real* const* dstates, int threads) {{
  const Sizes n{{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]}};
  const Signals all = signals_of(pointers, strides);
  const index_t one = n.contracted * n.free;
  const index_t stored = STATES * n.contracted * ((n.free + 15) / 16 * 16);
  return shared_out<Backward>(n, n.batch * n.heads, threads, [&](Owned<Backward>& s,
                                                                 index_t head) {{
    const Signals signals = head_of(all, head / n.heads, head % n.heads);
    for (int a = 0; a < STATES; ++a)
      std::memcpy(s.lambda + a * one, dfinals[a] + head * one, one * sizeof(real));
    for (index_t segment = n.segments(); segment-- > 0;) {{
      const index_t first = segment * n.segment;
      const index_t tokens = std::min(n.segment, n.tokens - first);
      std::memcpy(s.kept, checkpoints + (head * n.segments() + segment) * stored,
                  STATES * one * sizeof(real));
      run_segment<true>(signals, first, tokens, n, s, s.kept, nullptr, 0);
      back_segment(signals, first, tokens, n, s, dreadout, gradients, head);
    }}
    for (int a = 0; a < STATES; ++a)
      std::memcpy(dstates[a] + head * one, s.lambda + a * one, one * sizeof(real));
  }});
}}
"""  # noqa: E501


def program(recipe: Literal, dtype: str) -> str:
    """Print the whole C++ program of a rule as it stands; ``dtype`` is "float" or
    "double"."""
    parts = [
        f"using real = {dtype};",
        support.HEAD,
        elementwise_text.structures(recipe),
        elementwise_text.forward(recipe),
        structures(recipe),
        backward(recipe),
    ]
    return "\n".join(parts)
