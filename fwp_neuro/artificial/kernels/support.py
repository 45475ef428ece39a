"""The C++ that every kernel shares: lanes, sums, scratch memory, threads, signals."""

HEAD = r"""
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <thread>
#include <utility>
#include <vector>
#if defined(__x86_64__) || defined(__i386__)
#include <xmmintrin.h>
#endif

#if defined(__AVX512F__)
constexpr int BYTES = 64;
#elif defined(__AVX__)
constexpr int BYTES = 32;
#else
constexpr int BYTES = 16;
#endif
constexpr int W = BYTES / sizeof(real);  // lanes of a vector
typedef real V __attribute__((vector_size(BYTES), may_alias));
typedef long long index_t;

static inline V spread(real x) { return x - V{}; }

static inline real across(V x) {
  real sum = 0;
  for (int i = 0; i < W; ++i) sum += x[i];
  return sum;
}

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define HAS_SHUFFLE 1
#endif
#endif

#ifdef HAS_SHUFFLE
// Of each run of 2h lanes: the first h lanes become those of a, the next h those of b, each plus
// the lanes h further on.
constexpr int lane(int i, int h, int plus) {
  return i % (2 * h) < h ? i + plus : W + i - h + plus;
}
template <int h, int... I>
static inline V fold(V a, V b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, lane(I, h, 0)...) +
         __builtin_shufflevector(a, b, lane(I, h, h)...);
}
template <int n>
static inline V folded(const V* rows, int stride) {
  if constexpr (n == 1)
    return rows[0];
  else
    return fold<W / n>(folded<n / 2>(rows, 2 * stride), folded<n / 2>(rows + stride, 2 * stride),
                       std::make_integer_sequence<int, W>());
}
#endif

// sums[j] += sum over the lanes of rows[j], j = 0 .. padded count - 1
static inline void sum_lanes(const V* rows, index_t padded, real* sums) {
  for (index_t j = 0; j < padded; j += W) {
#ifdef HAS_SHUFFLE
    *(V*)(sums + j) += folded<W>(rows + j, 1);
#else
    for (int i = 0; i < W; ++i) sums[j + i] += across(rows[j + i]);
#endif
  }
}

// Decays make numbers below the normal range, on which processors are a hundred times slower.
struct Flush {
#if defined(__x86_64__) || defined(__i386__)
  unsigned before = _mm_getcsr();
  Flush() { _mm_setcsr(before | 0x8040); }
  ~Flush() { _mm_setcsr(before); }
#elif defined(__aarch64__)
  unsigned long long before;
  Flush() {
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" ::"r"(before | (1ull << 24)));
  }
  ~Flush() { __asm__ volatile("msr fpcr, %0" ::"r"(before)); }
#endif
};

struct Sizes {
  index_t batch, tokens, heads, contracted, free, segment;
  index_t padded() const { return (contracted + W - 1) / W * W; }
  index_t vectors() const { return (free + W - 1) / W; }
  index_t segments() const { return (tokens + segment - 1) / segment; }
  index_t rows() const { return segment + 2; }  // one of zeros before the first token, one after
};

// Scratch memory in one piece, zeroed; a first pass with no memory only counts.
struct Arena {
  char* memory = nullptr;
  size_t used = 0;
  template <typename T>
  T* take(index_t count) {
    T* at = memory ? (T*)(memory + used) : nullptr;
    used += (count * sizeof(T) + 127) / 128 * 128;
    return at;
  }
};

template <typename Scratch>
struct Owned : Scratch {
  void* memory;
  explicit Owned(const Sizes& n) {
    Arena arena;
    this->lay_out(arena, n);
    size_t bytes = arena.used;
    memory = std::aligned_alloc(128, bytes);
    if (!memory) throw std::bad_alloc();
    std::memset(memory, 0, bytes);
    arena.memory = (char*)memory;
    arena.used = 0;
    this->lay_out(arena, n);
  }
  ~Owned() { std::free(memory); }
};

// Run work(scratch, item) for every item; which thread takes which item changes no result.
template <typename Scratch, typename Work>
static int shared_out(const Sizes& n, index_t items, int threads, Work work) {
  std::atomic<index_t> next{0};
  std::atomic<int> failed{0};
  auto loop = [&] {
    Flush flush;
    try {
      Owned<Scratch> scratch(n);
      for (index_t item; (item = next++) < items;) work(scratch, item);
    } catch (...) {
      failed = 1;
    }
  };
  std::vector<std::thread> others;
  try {
    for (index_t i = 1; i < std::min<index_t>(threads, items); ++i) others.emplace_back(loop);
  } catch (...) {  // no more threads to be had: those there are do the work
  }
  loop();
  for (auto& other : others) other.join();
  return failed;
}
"""  # noqa: E501

#: what comes after ``constexpr int SIGNALS``: where the signals of one head lie
SIGNALS = r"""
struct Signal { const real* first; index_t batch, token, head; };
struct Signals { Signal all[SIGNALS]; };

static Signals head_of(const Signals& all, index_t batch, index_t head) {
  Signals signals = all;
  for (Signal& one : signals.all) one.first += batch * one.batch + head * one.head;
  return signals;
}

static Signals signals_of(const real* const* pointers, const index_t* strides) {
  Signals all;
  for (int i = 0; i < SIGNALS; ++i)
    all.all[i] = {pointers[i], strides[3 * i], strides[3 * i + 1], strides[3 * i + 2]};
  return all;
}
"""
