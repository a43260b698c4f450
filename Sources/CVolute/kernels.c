#include "CVolute.h"

#include <stdlib.h>
#include <string.h>

#define SCALAR float
#define BYTES 16
#define MR 4
#define NV 2
#define TILE tile_f32_baseline
#include "gemm.inc"

#define SCALAR double
#define BYTES 16
#define MR 4
#define NV 2
#define TILE tile_f64_baseline
#include "gemm.inc"

static const volute_kernels baseline = {"baseline", 4, 8, 4, 4, tile_f32_baseline, tile_f64_baseline};

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define SCALAR float
#define BYTES 32
#define MR 6
#define NV 2
#define TILE tile_f32_avx2
#include "gemm.inc"

#define SCALAR double
#define BYTES 32
#define MR 6
#define NV 2
#define TILE tile_f64_avx2
#include "gemm.inc"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma"))), apply_to = function)
#define SCALAR float
#define BYTES 64
#define MR 14
#define NV 2
#define TILE tile_f32_avx512
#include "gemm.inc"

#define SCALAR double
#define BYTES 64
#define MR 14
#define NV 2
#define TILE tile_f64_avx512
#include "gemm.inc"
#pragma clang attribute pop

static const volute_kernels avx2 = {"avx2", 6, 16, 6, 8, tile_f32_avx2, tile_f64_avx2};
static const volute_kernels avx512 = {"avx512", 14, 32, 14, 16, tile_f32_avx512, tile_f64_avx512};

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
