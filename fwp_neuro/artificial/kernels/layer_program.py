"""The C++ program of the parts of a layer around its fast weights; one program serves all
layers.

``mix_forward`` runs the short causal convolution over tokens and maps each signal of each
head (SiLU, unit length, a factor) while it is in the first cache; ``norm_forward``
divides each head by its root mean square and multiplies by the gate. Both adjoints
compute again what they need of the forward run and store nothing.
"""

from __future__ import annotations

from . import support

#: tokens that one thread works through before it takes the next ones; the sums of the
#: gradients of weights are made piece by piece, so that threads change no result
PIECE = 256

_SIGMOID = r"""
template <typename R> struct Format;
template <> struct Format<float> {
  typedef unsigned whole;
  static constexpr int bits = 23, bias = 127, terms = 7;
  static constexpr float low = -87, high = 88, magic = 12582912;  // 1.5 * 2^23
  static constexpr float ln2 = 0.693359375f, rest = -2.12194440e-4f;
};
template <> struct Format<double> {
  typedef unsigned long long whole;
  static constexpr int bits = 52, bias = 1023, terms = 13;
  static constexpr double low = -708, high = 709, magic = 6755399441055744;  // 1.5 * 2^52
  static constexpr double ln2 = 6.93147180369123816490e-01, rest = 1.90821492927058770002e-10;
};
typedef Format<real> F;
typedef F::whole wholes __attribute__((vector_size(BYTES)));
constexpr double INVERSE_FACTORIAL[] = {
    1, 1, 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040, 1. / 40320, 1. / 362880,
    1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800};

// 2^n of a sum n + magic, whose low bits hold n
static inline V power(V sum) { return (V)(((wholes)sum + F::bias) << F::bits); }
static inline real power(real sum) {
  F::whole bits;
  std::memcpy(&bits, &sum, sizeof bits);
  bits = (bits + F::bias) << F::bits;
  std::memcpy(&sum, &bits, sizeof sum);
  return sum;
}

// exp(x) = 2^n exp(r) with |r| <= ln(2) / 2, of a number or of a vector
template <typename T>
static inline T exponential(T x) {
  x = x < F::low ? T{} + F::low : x;
  x = x > F::high ? T{} + F::high : x;
  const T sum = x * (real)1.44269504088896340736 + F::magic;
  const T n = sum - F::magic;
  const T r = (x - n * F::ln2) - n * F::rest;
  T p = T{} + (real)INVERSE_FACTORIAL[F::terms];
#pragma GCC unroll 16
  for (int k = F::terms - 1; k >= 0; --k) p = p * r + (real)INVERSE_FACTORIAL[k];
  return p * power(sum);
}
template <typename T>
static inline T sigmoid(T x) { return 1 / (1 + exponential(-x)); }

// vectors that lie anywhere
typedef real Anywhere __attribute__((vector_size(BYTES), may_alias, aligned(sizeof(real))));
template <typename T>
static inline T get(const real* at) {
  if constexpr (sizeof(T) == sizeof(real)) return *at;
  else return *(const Anywhere*)at;
}
static inline void put(real* at, V x) { *(Anywhere*)at = x; }
static inline void put(real* at, real x) { *at = x; }

// work(a vector or a number, where) over a row
template <typename Work>
static inline void over(index_t count, Work work) {
  index_t i = 0;
  for (; i + W <= count; i += W) work(V{}, i);
  for (; i < count; ++i) work(real{}, i);
}

// the sum over lanes, halves onto halves
#ifdef HAS_SHUFFLE
template <int h, int... I>
static inline V turned(V x, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(x, x, ((I + h) % W)...);
}
template <int h = W / 2>
static inline real halved(V x) {
  if constexpr (h == 0) return x[0];
  else return halved<h / 2>(x + turned<h>(x, std::make_integer_sequence<int, W>()));
}
#else
static inline real halved(V x) { return across(x); }
#endif

struct Sum {
  V lanes{};
  real one = 0;
  void add(V x) { lanes += x; }
  void add(real x) { one += x; }
  real total() const { return halved(lanes) + one; }
};
static inline real square(const real* a, index_t count) {
  Sum sum;
  over(count, [&](auto kind, index_t i) {
    const auto x = get<decltype(kind)>(a + i);
    sum.add(x * x);
  });
  return sum.total();
}

struct Scratch {
  real* space;
  void lay_out(Arena& arena, const Sizes& n) { space = arena.take<real>(n.contracted); }
};
static Sizes scratch(index_t count) { return Sizes{1, 1, 1, count, 1, 1}; }
"""  # noqa: E501

_MIX = r"""
struct Mix {
  index_t batch, tokens, heads, size, channels, parts, batch_step, token_step, rest, piece;
  const index_t *widths, *silu, *unit;
  const double* scales;
  const real *mixed, *tail, *weight;
  // sequences shorter than a piece share one
  index_t together() const { return std::max<index_t>(1, piece / tokens); }
  index_t pieces() const { return (tokens + piece - 1) / piece; }
  index_t items() const { return (batch + together() - 1) / together() * pieces(); }
  index_t width() const { return channels + rest; }
  bool all_silu() const { return std::all_of(silu, silu + parts, [](index_t x) { return x; }); }
  const real* row(index_t b, index_t t) const {
    return t < 0 ? tail + (b * (size - 1) + t + size - 1) * channels
                 : mixed + b * batch_step + t * token_step;
  }
  // work(sequence, first token, token after the last)
  template <typename Work>
  void each(index_t item, Work work) const {
    const index_t group = item / pieces(), first = item % pieces() * piece;
    const index_t end = std::min(batch, (group + 1) * together());
    for (index_t b = group * together(); b < end; ++b)
      work(b, first, std::min(tokens, first + piece));
  }
};

// work(sum_j weight_j row(j), where) over the channels of a token
template <typename Row, typename Work>
static inline void weighted(const Mix& m, Row row, Work work) {
  const index_t C = m.channels, N = m.size;
  const real* c = m.weight;
  if (N == 4) {
    const real *r0 = row(0), *r1 = row(1), *r2 = row(2), *r3 = row(3);
    return over(C, [&](auto kind, index_t i) {
      using T = decltype(kind);
      work(get<T>(c + i) * get<T>(r0 + i) + get<T>(c + C + i) * get<T>(r1 + i) +
           get<T>(c + 2 * C + i) * get<T>(r2 + i) + get<T>(c + 3 * C + i) * get<T>(r3 + i), i);
    });
  }
  over(C, [&](auto kind, index_t i) {
    using T = decltype(kind);
    T z{};
    for (index_t j = 0; j < N; ++j) z += get<T>(c + j * C + i) * get<T>(row(j) + i);
    work(z, i);
  });
}
template <typename Work>
static inline void convolve(const Mix& m, index_t b, index_t t, Work work) {
  weighted(m, [&](index_t j) { return m.row(b, t - m.size + 1 + j); }, work);
}

constexpr real LEAST = (real)1e-12;  // length below which a signal is not made longer

extern "C" int mix_forward(const index_t* sizes, const index_t* parts, const double* scales,
                           const real* mixed, const real* tail, const real* weight,
                           real* const* outputs, int threads) {
  const Mix m{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], sizes[7],
              sizes[8], sizes[9], parts, parts + sizes[5], parts + 2 * sizes[5], scales,
              mixed, tail, weight};
  return shared_out<Scratch>(scratch(m.channels), m.items(), threads, [&](Owned<Scratch>& s,
                                                                          index_t item) {
    m.each(item, [&](index_t b, index_t first, index_t end) {
      for (index_t t = first; t < end; ++t) {
        real* z = s.space;
        if (m.all_silu())
          convolve(m, b, t, [&](auto x, index_t i) { put(z + i, x * sigmoid(x)); });
        else
          convolve(m, b, t, [&](auto x, index_t i) { put(z + i, x); });
        for (index_t h = 0; h < m.heads; ++h)
          for (index_t p = 0; p < m.parts; ++p) {
            const index_t w = m.widths[p];
            real* const out = outputs[p] + ((b * m.tokens + t) * m.heads + h) * w;
            if (m.silu[p] && !m.all_silu())
              over(w, [&](auto kind, index_t i) {
                const auto x = get<decltype(kind)>(z + i);
                put(z + i, x * sigmoid(x));
              });
            real scale = (real)m.scales[p];
            if (m.unit[p]) scale /= std::max(std::sqrt(square(z, w)), LEAST);
            over(w, [&](auto kind, index_t i) {
              put(out + i, scale * get<decltype(kind)>(z + i));
            });
            z += w;
          }
        if (m.rest)
          std::memcpy(outputs[m.parts] + (b * m.tokens + t) * m.rest,
                      m.row(b, t) + m.channels, m.rest * sizeof(real));
      }
    });
  });
}

// dz of one token, from the gradients of the signals; a and slope are scratch rows
static void slopes(const Mix& m, index_t b, index_t t, const real* const* given,
                   const index_t* steps, real* a, real* slope, real* dz) {
  convolve(m, b, t, [&](auto z, index_t i) {
    const auto sig = sigmoid(z), x = z * sig;
    put(a + i, x);
    put(slope + i, sig + x * (1 - sig));
  });
  if (!m.all_silu()) {  // those that do not go through it
    real *all = dz;
    convolve(m, b, t, [&](auto z, index_t i) { put(all + i, z); });
    index_t at = 0;
    for (index_t h = 0; h < m.heads; ++h)
      for (index_t p = 0; p < m.parts; at += m.widths[p++]) {
        if (m.silu[p]) continue;
        std::memcpy(a + at, all + at, m.widths[p] * sizeof(real));
        std::fill(slope + at, slope + at + m.widths[p], (real)1);
      }
  }
  for (index_t h = 0; h < m.heads; ++h)
    for (index_t p = 0; p < m.parts; ++p) {
      const index_t w = m.widths[p];
      if (!given[p]) {
        std::memset(dz, 0, w * sizeof(real));
      } else {
        const index_t* step = steps + 3 * p;
        const real* g = given[p] + b * step[0] + t * step[1] + h * step[2];
        real factor = (real)m.scales[p], along = 0;
        if (m.unit[p]) {
          Sum squares, inner;
          over(w, [&](auto kind, index_t i) {
            using T = decltype(kind);
            const T x = get<T>(a + i);
            squares.add(x * x);
            inner.add(x * get<T>(g + i));
          });
          const real length = std::sqrt(squares.total()), by = std::max(length, LEAST);
          factor /= by;
          if (length >= LEAST) along = factor * inner.total() / (by * by);
        }
        over(w, [&](auto kind, index_t i) {
          using T = decltype(kind);
          put(dz + i, (factor * get<T>(g + i) - along * get<T>(a + i)) * get<T>(slope + i));
        });
      }
      a += w, slope += w, dz += w;
    }
}

extern "C" int mix_backward(const index_t* sizes, const index_t* parts, const double* scales,
                            const real* mixed, const real* tail, const real* weight,
                            const real* const* given, const index_t* steps, real* dmixed,
                            real* dtail, real* dweight, int threads) {
  const Mix m{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], sizes[7],
              sizes[8], sizes[9], parts, parts + sizes[5], parts + 2 * sizes[5], scales,
              mixed, tail, weight};
  const index_t C = m.channels, N = m.size;
  return shared_out<Scratch>(scratch((2 + N) * C), m.items(), threads, [&](Owned<Scratch>& s,
                                                                           index_t item) {
    real *z = s.space, *sig = z + C, *ring = sig + C, *sums = dweight + item * N * C;
    std::memset(sums, 0, N * C * sizeof(real));
    m.each(item, [&](index_t b, index_t first, index_t end) {
      auto kept = [&](index_t t) { return ring + (t % N + N) % N * C; };
      for (index_t t = first - N + 1; t < first; ++t) std::memset(kept(t), 0, C * sizeof(real));
      // a token gets a gradient from its own and the N - 1 tokens after it
      for (index_t t = first; t < end + N - 1; ++t) {
        real* const dz = kept(t);
        if (t < m.tokens)
          slopes(m, b, t, given, steps, z, sig, dz);
        else
          std::memset(dz, 0, C * sizeof(real));
        if (t < end)
          for (index_t j = 0; j < N; ++j) {
            const real* const r = m.row(b, t - N + 1 + j);
            real* const sum = sums + j * C;
            over(C, [&](auto kind, index_t i) {
              using T = decltype(kind);
              put(sum + i, get<T>(sum + i) + get<T>(dz + i) * get<T>(r + i));
            });
          }
        const index_t to = t - N + 1;
        if (to < 0 ? first > 0 : to < first) continue;
        real* const out = to < 0 ? dtail + (b * (N - 1) + to + N - 1) * C
                                 : dmixed + (b * m.tokens + to) * m.width();
        weighted(m, [&](index_t j) { return kept(t - j); },
                 [&](auto x, index_t i) { put(out + i, x); });
        if (to >= 0 && m.rest) {
          const index_t* step = steps + 3 * m.parts;
          if (given[m.parts])
            std::memcpy(out + C, given[m.parts] + b * step[0] + to * step[1],
                        m.rest * sizeof(real));
          else
            std::memset(out + C, 0, m.rest * sizeof(real));
        }
      }
    });
  });
}
"""  # noqa: E501

_NORM = r"""
constexpr real EPSILON = (real)1e-5;

// sizes: tokens, heads, dim, tokens in a piece
static index_t pieces_of(const index_t* n) { return (n[0] + n[3] - 1) / n[3]; }

// out = y / rms(y) * gain * silu(gate) for every head
extern "C" int norm_forward(const index_t* n, const real* y, const real* gate, const real* gain,
                            real* out, int threads) {
  const index_t d = n[2];
  return shared_out<Scratch>(scratch(d), pieces_of(n), threads, [&](Owned<Scratch>& s,
                                                                    index_t item) {
    const index_t begin = item * n[3] * n[1], end = std::min(n[0], (item + 1) * n[3]) * n[1];
    for (index_t row = begin; row < end; ++row) {
      const real *a = y + row * d, *g = gate + row * d;
      real* const o = out + row * d;
      const real inverse = 1 / std::sqrt(square(a, d) / d + EPSILON);
      over(d, [&](auto kind, index_t i) {
        using T = decltype(kind);
        const T x = get<T>(g + i);
        put(o + i, get<T>(a + i) * inverse * get<T>(gain + i) * x * sigmoid(x));
      });
    }
  });
}

extern "C" int norm_backward(const index_t* n, const real* y, const real* gate,
                             const real* gain, const real* dout, real* dy, real* dgate,
                             real* dgain, int threads) {
  const index_t d = n[2];
  return shared_out<Scratch>(scratch(d), pieces_of(n), threads, [&](Owned<Scratch>& s,
                                                                    index_t item) {
    const index_t begin = item * n[3] * n[1], end = std::min(n[0], (item + 1) * n[3]) * n[1];
    real *const sums = dgain + item * d, *const slope = s.space;
    std::memset(sums, 0, d * sizeof(real));
    for (index_t row = begin; row < end; ++row) {
      const real *a = y + row * d, *g = gate + row * d, *o = dout + row * d;
      real *const da = dy + row * d, *const dg = dgate + row * d;
      const real inverse = 1 / std::sqrt(square(a, d) / d + EPSILON);
      Sum inner;
      over(d, [&](auto kind, index_t i) {
        using T = decltype(kind);
        const T x = get<T>(g + i), sig = sigmoid(x), unit = get<T>(a + i) * inverse;
        const T slopes = get<T>(o + i), up = slopes * x * sig, own = up * get<T>(gain + i);
        put(dg + i, slopes * unit * get<T>(gain + i) * sig * (1 + x * (1 - sig)));
        put(sums + i, get<T>(sums + i) + up * unit);
        put(slope + i, own);
        inner.add(own * unit);
      });
      const real mean = inner.total() / d;
      over(d, [&](auto kind, index_t i) {
        using T = decltype(kind);
        put(da + i, inverse * (get<T>(slope + i) - get<T>(a + i) * inverse * mean));
      });
    }
  });
}
"""  # noqa: E501


def program(dtype: str) -> str:
    """Print the program; ``dtype`` is "float" or "double"."""
    return "\n".join((f"using real = {dtype};", support.HEAD, _SIGMOID, _MIX, _NORM))
