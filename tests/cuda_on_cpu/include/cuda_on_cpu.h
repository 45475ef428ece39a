// Stands in for the parts of CUDA, cuRAND and Thrust that generated projects of brian2cuda use, so
// that they compile as C++ and every kernel runs on the CPU, thread after thread. This checks what
// the generated code computes. It does not check data races, rounding or memory of a GPU, the
// random streams of cuRAND, or speed.
#pragma once
#include "memory.h"
#include "random_numbers.h"
#include "threads.h"
#include "vectors.h"
