// The CUDA runtime: memory of the "GPU" is memory of the host, and nothing ever fails.
#pragma once
#include "threads.h"

enum cudaError_t { cudaSuccess = 0, cudaErrorMemoryAllocation = 2 };
using cudaError = cudaError_t;
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum cudaLimit { cudaLimitMallocHeapSize };

struct cudaDeviceProp {
    int maxThreadsPerBlock, maxThreadsPerMultiProcessor, warpSize, multiProcessorCount;
    int major, minor;
    size_t sharedMemPerBlock;
};
struct cudaFuncAttributes {
    int maxThreadsPerBlock, numRegs;
    size_t constSizeBytes, localSizeBytes, sharedSizeBytes;
};

inline const char* cudaGetErrorString(cudaError_t error) { return error ? "error" : "no error"; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaSetDevice(int) { return cudaSuccess; }
inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
inline cudaError_t cudaDeviceReset() { return cudaSuccess; }
inline cudaError_t cudaDeviceSetLimit(cudaLimit, size_t) { return cudaSuccess; }
inline cudaError_t cudaProfilerStart() { return cudaSuccess; }
inline cudaError_t cudaProfilerStop() { return cudaSuccess; }

inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* found, int) {
    *found = {int(cuda_on_cpu::width()), 2048, 32, 1, 7, 5, sizeof shared_mem};
    return cudaSuccess;
}
template <class Kernel>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* found, Kernel) {
    *found = {int(cuda_on_cpu::width()), 0, 0, 0, 0};
    return cudaSuccess;
}
template <class Kernel>
cudaError_t cudaOccupancyMaxPotentialBlockSize(int* grid, int* block, Kernel, size_t = 0, int = 0) {
    *grid = 1, *block = int(cuda_on_cpu::width());
    return cudaSuccess;
}
template <class Kernel>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Kernel, int, size_t) {
    *blocks = 1;
    return cudaSuccess;
}

// what nobody has written yet is not zero on a GPU either
template <class T>
cudaError_t cudaMalloc(T** found, size_t bytes) {
    *found = (T*)std::malloc(bytes ? bytes : 1);
    if (!*found) return cudaErrorMemoryAllocation;
    std::memset((void*)*found, 0x5a, bytes);
    return cudaSuccess;
}
template <class T>
cudaError_t cudaFree(T* given) {
    std::free((void*)given);
    return cudaSuccess;
}
inline cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
    if (bytes) std::memmove(to, from, bytes);
    return cudaSuccess;
}
inline cudaError_t cudaMemset(void* to, int value, size_t bytes) {
    if (bytes) std::memset(to, value, bytes);
    return cudaSuccess;
}
template <class T>
cudaError_t cudaMemcpyToSymbol(T& to, const void* from, size_t bytes, size_t offset = 0) {
    return cudaMemcpy((char*)&to + offset, from, bytes, cudaMemcpyHostToDevice);
}
template <class T>
cudaError_t cudaMemcpyFromSymbol(void* to, const T& from, size_t bytes) {
    return cudaMemcpy(to, &from, bytes, cudaMemcpyDeviceToHost);
}
inline cudaError_t cudaMemGetInfo(size_t* available, size_t* total) {
    *available = *total = size_t(1) << 40;
    return cudaSuccess;
}
