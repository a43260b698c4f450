#include "CVolute.h"

#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define GLUE_(a, b) a##b
#define GLUE(a, b) GLUE_(a, b)

#if defined(__aarch64__)
#define REGISTERS 32
#else
#define REGISTERS 16
#endif
#define SCALAR float
#define BYTES 16
#define LANE_COUNT 4
#define NAME(x) GLUE(f32_baseline_, x)
#include "scalar.inc"
#define SCALAR double
#define BYTES 16
#define LANE_COUNT 2
#define NAME(x) GLUE(f64_baseline_, x)
#include "scalar.inc"
#undef REGISTERS

static const volute_kernels baseline = {"baseline", &f32_baseline_kernels, &f64_baseline_kernels};

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define REGISTERS 16
#define SCALAR float
#define BYTES 32
#define LANE_COUNT 8
#define NAME(x) GLUE(f32_avx2_, x)
#include "scalar.inc"
#define SCALAR double
#define BYTES 32
#define LANE_COUNT 4
#define NAME(x) GLUE(f64_avx2_, x)
#include "scalar.inc"
#undef REGISTERS
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma"))), \
                             apply_to = function)
#define REGISTERS 32
#define SCALAR float
#define BYTES 64
#define LANE_COUNT 16
#define NAME(x) GLUE(f32_avx512_, x)
#include "scalar.inc"
#define SCALAR double
#define BYTES 64
#define LANE_COUNT 8
#define NAME(x) GLUE(f64_avx512_, x)
#include "scalar.inc"
#undef REGISTERS
#pragma clang attribute pop

static const volute_kernels avx2 = {"avx2", &f32_avx2_kernels, &f64_avx2_kernels};
static const volute_kernels avx512 = {"avx512", &f32_avx512_kernels, &f64_avx512_kernels};

const volute_kernels *volute_kernels_for_this_machine(void) {
  const char *asked = getenv("VOLUTE_ISA");
  int wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  int narrow = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (asked && strcmp(asked, "baseline") == 0) return &baseline;
  if (asked && strcmp(asked, "avx2") == 0 && narrow) return &avx2;
  return wide ? &avx512 : narrow ? &avx2 : &baseline;
}

#else

const volute_kernels *volute_kernels_for_this_machine(void) { return &baseline; }

#endif
