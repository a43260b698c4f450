#include "CVolute.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <string.h>

#define GLUE_(a, b) a##b
#define GLUE(a, b) GLUE_(a, b)

#define SCALAR float
#define INT int32_t
#define BYTES 16
#define LANE_COUNT 4
#define NAME(x) GLUE(f32_baseline_, x)
#include "rows.inc"
#define SCALAR double
#define INT int64_t
#define BYTES 16
#define LANE_COUNT 2
#define NAME(x) GLUE(f64_baseline_, x)
#include "rows.inc"

#if defined(__aarch64__)
#define HAS_HALF 1
#else
#define HAS_HALF 0
#endif
#define BYTES 16
#define LANE_COUNT 4
#define NAME(x) GLUE(baseline_, x)
#include "conversions.inc"

#define TABLE(isa)                                          \
  static const volute_row_kernels isa = {                   \
      .f32 = &f32_##isa##_kernels,                          \
      .f64 = &f64_##isa##_kernels,                          \
      .from_float16 = isa##_from_float16,                   \
      .to_float16 = isa##_to_float16,                       \
      .from_bfloat16 = isa##_from_bfloat16,                 \
      .to_bfloat16 = isa##_to_bfloat16,                     \
  };
TABLE(baseline)

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define SCALAR float
#define INT int32_t
#define BYTES 32
#define LANE_COUNT 8
#define NAME(x) GLUE(f32_avx2_, x)
#include "rows.inc"
#define SCALAR double
#define INT int64_t
#define BYTES 32
#define LANE_COUNT 4
#define NAME(x) GLUE(f64_avx2_, x)
#include "rows.inc"
#define BYTES 32
#define LANE_COUNT 8
#define HAS_HALF 1
#define NAME(x) GLUE(avx2_, x)
#include "conversions.inc"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma,f16c"))), \
                             apply_to = function)
#define SCALAR float
#define INT int32_t
#define BYTES 64
#define LANE_COUNT 16
#define NAME(x) GLUE(f32_avx512_, x)
#include "rows.inc"
#define SCALAR double
#define INT int64_t
#define BYTES 64
#define LANE_COUNT 8
#define NAME(x) GLUE(f64_avx512_, x)
#include "rows.inc"
#define BYTES 64
#define LANE_COUNT 16
#define HAS_HALF 1
#define NAME(x) GLUE(avx512_, x)
#include "conversions.inc"
#pragma clang attribute pop

TABLE(avx2)
TABLE(avx512)

#endif

const volute_row_kernels *volute_row_kernels_for_this_machine(void) {
#if defined(__x86_64__)
  const char *name = volute_kernels_for_this_machine()->name;
  if (strcmp(name, "avx512") == 0) return &avx512;
  if (strcmp(name, "avx2") == 0) return &avx2;
#endif
  return &baseline;
}
