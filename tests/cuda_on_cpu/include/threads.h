// Kernels: blocks one after another, the threads of a block as fibres that wait at barriers.
//
// CUDA_ON_CPU_ORDER: forward (default), reverse or shuffled order of blocks and of threads.
// CUDA_ON_CPU_WIDTH: the widest block that the pretended GPU offers (default 1).
#pragma once
#include <ucontext.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __constant__
#define __shared__
#define __forceinline__ inline
#define __launch_bounds__(...)
using std::max;
using std::min;

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
inline dim3 threadIdx(0, 0, 0), blockIdx(0, 0, 0), blockDim, gridDim;
inline char shared_mem[1 << 18];  // blocks run one at a time, so that one piece serves them all

namespace cuda_on_cpu {

inline std::string setting(const char* name, const char* usual) {
    const char* given = std::getenv(name);
    return given ? given : usual;
}

inline unsigned width() {
    static const unsigned found = std::atoi(setting("CUDA_ON_CPU_WIDTH", "1").c_str());
    return found;
}

// The numbers 0 .. count - 1 in the order in which threads or blocks take their turns.
inline std::vector<unsigned> turns(unsigned count) {
    static const std::string order = setting("CUDA_ON_CPU_ORDER", "forward");
    static std::mt19937 generator(12345);
    std::vector<unsigned> numbers(count);
    std::iota(numbers.begin(), numbers.end(), 0u);
    if (order == "reverse") std::reverse(numbers.begin(), numbers.end());
    if (order == "shuffled") std::shuffle(numbers.begin(), numbers.end(), generator);
    return numbers;
}

struct Fibre {
    ucontext_t context;
    std::unique_ptr<char[]> stack{new char[size]};
    bool finished = false;
    static constexpr size_t size = 1 << 17;
};
inline std::vector<Fibre> fibres;
inline ucontext_t scheduler;
inline std::function<void()> body;
inline unsigned running;

inline void fibre() {
    body();
    fibres[running].finished = true;
}

// Run the threads of one block: all up to the next barrier, in some order, then on from there.
inline void run_block(unsigned threads) {
    if (threads == 1) return body();
    if (fibres.size() < threads) fibres.resize(threads);
    for (unsigned n = 0; n < threads; ++n) {
        Fibre& one = fibres[n];
        one.finished = false;
        getcontext(&one.context);
        one.context.uc_stack.ss_sp = one.stack.get();
        one.context.uc_stack.ss_size = Fibre::size;
        one.context.uc_link = &scheduler;
        makecontext(&one.context, fibre, 0);
    }
    for (bool waiting = true; waiting;) {
        waiting = false;
        for (unsigned n : turns(threads)) {
            if (fibres[n].finished) continue;
            threadIdx.x = running = n;
            swapcontext(&scheduler, &fibres[n].context);
            waiting = waiting || !fibres[n].finished;
        }
    }
}

template <class Kernel>
struct Launch {
    Kernel kernel;
    dim3 grid, block;
    template <class... Arguments>
    void operator()(Arguments... arguments) const {
        gridDim = grid, blockDim = block;
        body = [=] { kernel(arguments...); };
        for (unsigned n : turns(grid.x)) {
            blockIdx.x = n, threadIdx.x = 0;
            run_block(block.x);
        }
    }
};

// What `kernel<<<grid, block, bytes>>>` is translated to.
template <class Kernel>
Launch<Kernel> launch(Kernel kernel, dim3 grid, dim3 block, size_t bytes = 0) {
    if (bytes > sizeof shared_mem) {
        std::fprintf(stderr, "cuda_on_cpu: a kernel asks for %zu bytes of shared memory\n", bytes);
        std::exit(1);
    }
    return {kernel, grid, block};
}

}  // namespace cuda_on_cpu

inline void __syncthreads() {
    using namespace cuda_on_cpu;
    if (blockDim.x > 1) swapcontext(&fibres[running].context, &scheduler);
}
inline void __threadfence() {}

// Threads take turns and give way at barriers only, so that plain reads and writes are atomic.
template <class T, class U>
T atomicAdd(T* at, U value) {
    const T old = *at;
    *at = old + (T)value;
    return old;
}
template <class T, class U>
T atomicExch(T* at, U value) {
    const T old = *at;
    *at = (T)value;
    return old;
}
template <class T, class U, class V>
T atomicCAS(T* at, U expected, V value) {
    const T old = *at;
    if (old == (T)expected) *at = (T)value;
    return old;
}
template <class To, class From>
To same_bits(From value) {
    static_assert(sizeof(To) == sizeof(From));
    To result;
    std::memcpy(&result, &value, sizeof result);
    return result;
}
inline long long __double_as_longlong(double x) { return same_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return same_bits<double>(x); }
inline int __float_as_int(float x) { return same_bits<int>(x); }
inline float __int_as_float(int x) { return same_bits<float>(x); }
