// cuRAND, with the generators of the standard library: other numbers, the same distributions.
#pragma once
#include "threads.h"

#define CURAND_H_  // generated code names the errors of cuRAND where it is defined

enum curandStatus_t {
    CURAND_STATUS_SUCCESS, CURAND_STATUS_VERSION_MISMATCH, CURAND_STATUS_NOT_INITIALIZED,
    CURAND_STATUS_ALLOCATION_FAILED, CURAND_STATUS_TYPE_ERROR, CURAND_STATUS_OUT_OF_RANGE,
    CURAND_STATUS_LENGTH_NOT_MULTIPLE, CURAND_STATUS_DOUBLE_PRECISION_REQUIRED,
    CURAND_STATUS_LAUNCH_FAILURE, CURAND_STATUS_PREEXISTING_FAILURE,
    CURAND_STATUS_INITIALIZATION_FAILED, CURAND_STATUS_ARCH_MISMATCH, CURAND_STATUS_INTERNAL_ERROR
};
enum curandRngType_t {
    CURAND_RNG_PSEUDO_DEFAULT, CURAND_RNG_PSEUDO_XORWOW, CURAND_RNG_PSEUDO_MRG32K3A,
    CURAND_RNG_PSEUDO_MTGP32, CURAND_RNG_PSEUDO_PHILOX4_32_10, CURAND_RNG_PSEUDO_MT19937
};
enum curandOrdering_t {
    CURAND_ORDERING_PSEUDO_DEFAULT, CURAND_ORDERING_PSEUDO_BEST, CURAND_ORDERING_PSEUDO_SEEDED
};

namespace cuda_on_cpu {
template <class Generator>
double uniform(Generator& generator) {  // (0, 1], as cuRAND gives it
    return ((generator() >> 11) + 1) * (1.0 / 9007199254740992.0);
}
template <class T, class Draw>
curandStatus_t fill(T* numbers, size_t count, Draw draw) {
    for (size_t n = 0; n < count; ++n) numbers[n] = (T)draw();
    return CURAND_STATUS_SUCCESS;
}
}  // namespace cuda_on_cpu

// Host side: one generator fills arrays.
using curandGenerator_t = std::mt19937_64*;
inline curandStatus_t curandCreateGenerator(curandGenerator_t* found, curandRngType_t) {
    *found = new std::mt19937_64;
    return CURAND_STATUS_SUCCESS;
}
inline curandStatus_t curandDestroyGenerator(curandGenerator_t given) {
    delete given;
    return CURAND_STATUS_SUCCESS;
}
inline curandStatus_t curandSetPseudoRandomGeneratorSeed(curandGenerator_t g, uint64_t seed) {
    g->seed(seed);
    return CURAND_STATUS_SUCCESS;
}
inline curandStatus_t curandSetGeneratorOffset(curandGenerator_t, uint64_t) {
    return CURAND_STATUS_SUCCESS;
}
inline curandStatus_t curandSetGeneratorOrdering(curandGenerator_t, curandOrdering_t) {
    return CURAND_STATUS_SUCCESS;
}
template <class T>
curandStatus_t uniform_numbers(curandGenerator_t g, T* to, size_t count) {
    return cuda_on_cpu::fill(to, count, [g] { return cuda_on_cpu::uniform(*g); });
}
template <class T>
curandStatus_t normal_numbers(curandGenerator_t g, T* to, size_t count, T mean, T deviation) {
    std::normal_distribution<double> normal(mean, deviation);
    return cuda_on_cpu::fill(to, count, [&] { return normal(*g); });
}
inline curandStatus_t curandGenerateUniform(curandGenerator_t g, float* to, size_t count) {
    return uniform_numbers(g, to, count);
}
inline curandStatus_t curandGenerateUniformDouble(curandGenerator_t g, double* to, size_t count) {
    return uniform_numbers(g, to, count);
}
inline curandStatus_t curandGenerateNormal(
    curandGenerator_t g, float* to, size_t count, float mean, float deviation) {
    return normal_numbers(g, to, count, mean, deviation);
}
inline curandStatus_t curandGenerateNormalDouble(
    curandGenerator_t g, double* to, size_t count, double mean, double deviation) {
    return normal_numbers(g, to, count, mean, deviation);
}
inline curandStatus_t curandGeneratePoisson(
    curandGenerator_t g, unsigned* to, size_t count, double mean) {
    std::poisson_distribution<int> poisson(mean);
    return cuda_on_cpu::fill(to, count, [&] { return poisson(*g); });
}

// Device side: a state for each thread.
struct curandState {
    std::mt19937_64* generator;
};
using curandState_t = curandState;
inline void curand_init(uint64_t seed, uint64_t sequence, uint64_t, curandState* state) {
    state->generator = new std::mt19937_64(seed * 1000003 + sequence);
}
inline double curand_uniform_double(curandState* s) { return cuda_on_cpu::uniform(*s->generator); }
inline float curand_uniform(curandState* state) { return (float)curand_uniform_double(state); }
inline double curand_normal_double(curandState* state) {
    return std::normal_distribution<double>()(*state->generator);
}
inline float curand_normal(curandState* state) { return (float)curand_normal_double(state); }
inline unsigned curand_poisson(curandState* state, double mean) {
    return std::poisson_distribution<int>(mean)(*state->generator);
}
