"""Print a rule's text as it stands in C++: every statement a pass over all synapses.

This is for the rules that have no plan: those with both read() and back(), with
coefficients that are no product of a presynaptic and a postsynaptic factor, or not affine
in w. A statement gathers its sums, then assigns w_ij (or another state) from what synapse
ij, cells i and j and all cells share. States lie as [post, pre]; the inner loop, over
pre, is vectorised.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...rules import Rule
from ...symbolic.language import SYNAPSE
from ...symbolic.statements import Statement, Sum
from . import kernel_layout, support
from .printer import cxx, value

#: home -> the index that runs over it and how far
INDEX = {"pre": ("j", "C"), "post": ("i", "F")}


@dataclass(frozen=True)
class Literal:
    """A rule ready for printing as it stands.

    Attributes:
        signals: names in the order in which the kernel takes them, the query included.
        homes: signal -> "shared", "pre" or "post".
        names: the synaptic states, w first.
        statements: lowered, in order.
    """

    signals: tuple[str, ...]
    homes: dict[str, str]
    names: tuple[str, ...]
    statements: tuple[Statement, ...]

    #: states lie as [post, pre], as in the kernels of right-acting rules
    left = False

    @property
    def states(self) -> int:
        """Number of synaptic states."""
        return len(self.names)

    def home(self, statement: Statement, name: str) -> str:
        """Return where a name of a statement's expressions lives."""
        return SYNAPSE if name in self.names else statement.homes[name]


def derive(rule: Rule) -> Literal:
    """Prepare any rule for printing."""
    homes = {**rule.homes, "q": "pre"}
    return Literal(tuple(homes), homes, rule.states, rule.statements)


def names_in(expression) -> list[str]:
    """Return the names in an expression, in a fixed order."""
    return sorted(item.name for item in expression.free_symbols)


def rows_of(recipe: Literal) -> dict[str, str]:
    """Return the arrays that hold the sums of a token: name -> elements."""
    found = {"argument": "std::max(n.contracted, n.free)"}
    for number, statement in enumerate(recipe.statements):
        for item in statement.sums:
            width = {"shared": "1", "pre": "n.contracted", "post": "n.free"}[item.home]
            found[row(number, item)] = width
    return found


def row(statement: int, item: Sum) -> str:
    """Name the array of a sum."""
    return f"sum_{statement}_{item.symbol.name}"


def loads(
    recipe: Literal, statement: Statement, number: int, expression, home: str
) -> str:
    """Print the values of the names of an expression that live at ``home``."""
    index = INDEX[home][0]
    sums = {item.symbol.name: row(number, item) for item in statement.sums}
    found = []
    for name in names_in(expression):
        if recipe.home(statement, name) == home:
            source = f"b.{sums[name]}" if name in sums else f"r_{name}"
            found.append(f"const real {value(name)} = {source}[{index}];")
    return " ".join(found)


def argument(recipe: Literal, statement: Statement, number: int, item: Sum) -> str:
    """Print the loop that puts a sum's argument into ``b.argument``."""
    home = "post" if item.kind == "back" else "pre"
    index, end = INDEX[home]
    inside = loads(recipe, statement, number, item.argument, home)
    return (
        f"for (index_t {index} = 0; {index} < {end}; ++{index}) "
        f"{{ {inside} b.argument[{index}] = {cxx(item.argument)}; }}"
    )


def gathered(recipe: Literal, statement: Statement, number: int) -> str:
    """Print how a statement's sums are gathered, inner before outer."""
    lines = []
    for item in statement.sums:
        lines.append(argument(recipe, statement, number, item))
        here = f"b.{row(number, item)}"
        if item.kind == "pool":
            name = value(item.symbol.name)
            lines += [
                f"real {name} = 0;",
                f"for (index_t j = 0; j < C; ++j) {name} += b.argument[j];",
                f"{here}[0] = {name};",
            ]
        elif item.kind == "read":
            lines += [
                "for (index_t i = 0; i < F; ++i) {",
                "real sum = 0;",
                "#pragma omp simd reduction(+ : sum)",
                "for (index_t j = 0; j < C; ++j) sum += s_w[i * C + j] * b.argument[j];",
                f"{here}[i] = sum; }}",
            ]
        else:
            lines += [
                f"std::memset({here}, 0, C * sizeof(real));",
                "for (index_t i = 0; i < F; ++i)",
                f"for (index_t j = 0; j < C; ++j) {here}[j] += s_w[i * C + j] * "
                "b.argument[i];",
            ]
    return "\n".join(lines)


def states_at(recipe: Literal, base: str, prefix: str, const: str = "") -> str:
    """Print pointers to the states that lie one after the other from ``base``."""
    return "\n".join(
        f"{const}real* {prefix}{name} = {base} + {number} * C * F;"
        for number, name in enumerate(recipe.names)
    )


def _assigned(recipe: Literal, statement: Statement, number: int) -> str:
    expression = statement.expression
    used = [name for name in names_in(expression) if name in recipe.names]
    states = " ".join(f"const real {value(name)} = s_{name}[i * C + j];" for name in used)
    return f"""for (index_t i = 0; i < F; ++i) {{
{loads(recipe, statement, number, expression, "post")}
#pragma omp simd
for (index_t j = 0; j < C; ++j) {{
{loads(recipe, statement, number, expression, "pre")}
{states} s_{statement.target}[i * C + j] = {cxx(expression)};
}}
}}"""


def structures(recipe: Literal) -> str:
    """Print the signals and the forward scratch memory."""
    rows = rows_of(recipe)
    lay_out = "\n".join(
        f"    {name} = m.take<real>({width});" for name, width in rows.items()
    )
    return f"""
constexpr int SIGNALS = {len(recipe.signals)}, STATES = {recipe.states};
constexpr int STATEMENTS = {len(recipe.statements)};
{support.SIGNALS}
struct Forward {{
  real *state, *{", *".join(rows)};
  void lay_out(Arena& m, const Sizes& n) {{
    state = m.take<real>(STATES * n.contracted * n.free);
{lay_out}
  }}
}};
"""


def forward(recipe: Literal) -> str:
    """Print the loop over a segment and the function that PyTorch calls."""
    steps = []
    for number, statement in enumerate(recipe.statements):
        steps.append(
            "{\nif constexpr (KEEP) { std::memcpy(S + size, S, size * sizeof(real)); S "
            "+= size; }\n"
            f"{states_at(recipe, 'S', 's_')}\n"
            f"{gathered(recipe, statement, number)}\n{_assigned(recipe, statement, number)}\n}}"  # noqa: E501
        )
    body = "\n".join(steps)
    return f"""
// With KEEP every state before a statement stays, one after the other from S, and out is not used.
template <bool KEEP>
static void run_segment(const Signals& signals, index_t first, index_t tokens, const Sizes& n,
                        const Forward& b, real* S, real* out, index_t out_step) {{
  const index_t C = n.contracted, F = n.free, size = STATES * C * F;
  (void)size;
  for (index_t t = 0; t < tokens; ++t) {{
{kernel_layout.raw_rows(recipe)}
{body}
    if constexpr (!KEEP)
      for (index_t i = 0; i < F; ++i) {{
        real sum = 0;
#pragma omp simd reduction(+ : sum)
        for (index_t j = 0; j < C; ++j) sum += S[i * C + j] * r_q[j];
        out[t * out_step + i] = sum;
      }}
  }}
}}

extern "C" int forward(const index_t* sizes, const real* const* pointers, const index_t* strides,
                       const real* const* states, real* const* finals, real* readout,
                       real* checkpoints, int threads) {{
  const Sizes n{{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]}};
  const Signals all = signals_of(pointers, strides);
  const index_t one = n.contracted * n.free;
  const index_t stored = STATES * n.contracted * ((n.free + 15) / 16 * 16);
  return shared_out<Forward>(n, n.batch * n.heads, threads, [&](Owned<Forward>& s, index_t head) {{
    const Signals signals = head_of(all, head / n.heads, head % n.heads);
    for (int a = 0; a < STATES; ++a)
      std::memcpy(s.state + a * one, states[a] + head * one, one * sizeof(real));
    for (index_t segment = 0; segment < n.segments(); ++segment) {{
      const index_t first = segment * n.segment;
      const index_t tokens = std::min(n.segment, n.tokens - first);
      if (checkpoints) {{
        real* const kept = checkpoints + (head * n.segments() + segment) * stored;
        std::memcpy(kept, s.state, STATES * one * sizeof(real));
        std::memset(kept + STATES * one, 0, (stored - STATES * one) * sizeof(real));
      }}
      real* const out =
          readout + ((head / n.heads * n.tokens + first) * n.heads + head % n.heads) * n.free;
      run_segment<false>(signals, first, tokens, n, s, s.state, out, n.heads * n.free);
    }}
    for (int a = 0; a < STATES; ++a)
      std::memcpy(finals[a] + head * one, s.state + a * one, one * sizeof(real));
  }});
}}
"""  # noqa: E501
