"""Print the whole C++ program of a rule, with the functions that PyTorch calls for all
heads."""

from __future__ import annotations

from . import adjoint, chain, kernel_layout, source, support
from .recipe import Recipe
from .source import BLOCKS


def _move_states(recipe: Recipe) -> str:
    """Print how states enter and leave blocks."""
    lane, row_of = ("1", "F") if recipe.left else ("C", "1")
    by_row = "for (index_t j = 0; j < C; ++j) for (index_t l = 0; l < cells; ++l)"
    by_cell = (
        "for (index_t j0 = 0; j0 < C; j0 += 64) for (index_t l = 0; l < cells; ++l)\n"
        "        for (index_t j = j0; j < std::min(j0 + 64, C); ++j)"
    )
    loops = by_row if recipe.left else by_cell
    cases = "\n".join(
        f"    if (n.vectors() - v0 >= {b}) "
        f"{{ work(std::integral_constant<int, {b}>(), v0); v0 += {b}; continue; }}"
        for b in BLOCKS
    )
    return f"""
template <typename Work>
static void blocks(const Sizes& n, Work work) {{
  for (index_t v0 = 0; v0 < n.vectors();) {{
{cases}
  }}
}}

// Copy the states of one head between [post, pre] and blocks; lanes beyond the cells stay zero.
template <bool IN, typename Pointers>
static void move_states(const Sizes& n, Pointers states, index_t head, V* tiles) {{
  const index_t C = n.contracted, F = n.free;
  blocks(n, [&](auto block, index_t v0) {{
    constexpr index_t L = decltype(block)::value * W;
    const index_t cells = std::min(L, F - v0 * W);
    for (int a = 0; a < STATES; ++a) {{
      real* const tile = (real*)(tiles + STATES * C * v0) + a * C * L;
      const auto state = states[a] + head * C * F + v0 * W * {lane};
      if (IN && cells < L) std::memset(tile, 0, C * L * sizeof(real));
      {loops}
        if constexpr (IN) tile[j * L + l] = state[l * {lane} + j * {row_of}];
        else state[l * {lane} + j * {row_of}] = tile[j * L + l];
    }}
  }});
}}
"""  # noqa: E501


def _forward(recipe: Recipe) -> str:
    """Print the function that runs all heads."""
    width = "contracted" if recipe.left else "free"
    row = kernel_layout.WIDTHS["c" if recipe.left else "f"]
    clear = (
        "std::memset(s.out, 0, n.rows() * n.padded() * sizeof(real));"
        if recipe.left
        else ""
    )
    return f"""
template <int B, bool KEEP, typename... Rest>
static void forward_block(Rest... rest) {{
{_choices("forward_block", "<KEEP>")}
}}

extern "C" int forward(const index_t* sizes, const real* const* pointers, const index_t* strides,
                       const real* const* states, real* const* finals, real* readout,
                       real* checkpoints, int threads) {{
  const Sizes n{{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]}};
  const Signals all = signals_of(pointers, strides);
  const index_t floats = STATES * n.contracted * n.vectors() * W;
  const index_t stored = STATES * n.contracted * ((n.free + 15) / 16 * 16);
  return shared_out<Forward>(n, n.batch * n.heads, threads, [&](Owned<Forward>& s, index_t head) {{
    const Signals signals = head_of(all, head / n.heads, head % n.heads);
    move_states<true>(n, states, head, s.state);
    for (index_t segment = 0; segment < n.segments(); ++segment) {{
      const index_t first = segment * n.segment;
      const index_t tokens = std::min(n.segment, n.tokens - first);
      if (checkpoints) {{
        real* const checkpoint = checkpoints + (head * n.segments() + segment) * stored;
        std::memcpy(checkpoint, s.state, floats * sizeof(real));
        std::memset(checkpoint + floats, 0, (stored - floats) * sizeof(real));
      }}
      coefficients(signals, first, tokens, n.segment, n, s);
      {clear}
      blocks(n, [&](auto block, index_t v0) {{
        constexpr int B = decltype(block)::value;
        forward_block<B, false>(std::cref(s), s.out, s.lanes, std::cref(n), v0, tokens,
                                s.state + STATES * n.contracted * v0, (V*)nullptr);
      }});
      for (index_t t = 0; t < tokens; ++t)
        std::memcpy(readout + ((head / n.heads * n.tokens + first + t) * n.heads +
                               head % n.heads) * n.{width},
                    s.out + (t + 1) * {row}, n.{width} * sizeof(real));
    }}
    move_states<false>(n, finals, head, s.state);
  }});
}}
"""  # noqa: E501


def _backward(recipe: Recipe) -> str:
    """Print the function that PyTorch calls for the gradients."""
    row = kernel_layout.WIDTHS["c" if recipe.left else "f"]
    width = "contracted" if recipe.left else "free"
    zero = "\n".join(
        f"      std::memset(s.g_{n}, 0, n.rows() * {kernel_layout.WIDTHS[n[0]]} * "
        "sizeof(real));"
        for n in recipe.coefficients
    )
    return f"""
template <int B, typename... Rest>
static void backward_block(Rest... rest) {{
{_choices("backward_block")}
}}

extern "C" int backward(const index_t* sizes, const real* const* pointers, const index_t* strides,
                        const real* checkpoints, const real* dreadout, const real* const* dfinals,
                        real* const* gradients, real* const* dstates, int threads) {{
  const Sizes n{{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]}};
  const Signals all = signals_of(pointers, strides);
  const index_t stored = STATES * n.contracted * ((n.free + 15) / 16 * 16);
  return shared_out<Backward>(n, n.batch * n.heads, threads, [&](Owned<Backward>& s,
                                                                 index_t head) {{
    const Signals signals = head_of(all, head / n.heads, head % n.heads);
    move_states<true>(n, dfinals, head, s.lambda);
    for (index_t segment = n.segments(); segment-- > 0;) {{
      const index_t first = segment * n.segment;
      const index_t tokens = std::min(n.segment, n.tokens - first);
      coefficients(signals, first, tokens, -n.segment, n, s);
{zero}
      for (index_t t = 0; t < tokens; ++t)
        std::memcpy(s.dy + (t + 1) * {row},
                    dreadout + ((head / n.heads * n.tokens + first + t) * n.heads +
                                head % n.heads) * n.{width},
                    n.{width} * sizeof(real));
      blocks(n, [&](auto block, index_t v0) {{
        constexpr int B = decltype(block)::value;
        const index_t offset = STATES * n.contracted * v0;
        std::memcpy(s.kept, checkpoints + (head * n.segments() + segment) * stored + offset * W,
                    STATES * n.contracted * B * sizeof(V));
        forward_block<B, true>(std::cref(s), (real*)nullptr, s.lanes, std::cref(n), v0, tokens,
                               s.kept, s.reads);
        backward_block<B>(std::cref(s), std::cref(n), v0, tokens, s.lambda + offset);
      }});
      gradients_of_signals(signals, first, tokens, n, s, gradients, head);
    }}
    move_states<false>(n, dstates, head, s.lambda);
  }});
}}
"""  # noqa: E501


def _choices(name: str, arguments: str = "") -> str:
    """Print the choice of the function printed for a block."""
    return "\n".join(
        f"  if constexpr (B == {b}) {name}_{b}{arguments}(rest...);" for b in BLOCKS
    )


def program(recipe: Recipe, dtype: str) -> str:
    """Print the whole C++ program of a rule; ``dtype`` is "float" or "double"."""
    parts = [
        f"using real = {dtype};",
        support.HEAD,
        kernel_layout.structures(recipe),
        kernel_layout.coefficients(recipe),
        *(source.block_function(recipe, block) for block in BLOCKS),
        _move_states(recipe),
        _forward(recipe),
        adjoint.structures(recipe),
        chain.gradients(recipe),
        *(adjoint.block_function(recipe, block) for block in BLOCKS),
        _backward(recipe),
    ]
    return "\n".join(parts)
