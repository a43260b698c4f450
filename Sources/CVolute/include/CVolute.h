// Compute kernels behind a table that is chosen once for the machine at hand.
// Nothing here allocates, starts a thread or makes a decision about a convolution.
#ifndef CVOLUTE_H
#define CVOLUTE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

// `value` with a fixed number of decimals, or in scientific notation; returns snprintf's count.
int volute_format(double value, int digits, int is_scientific, char *buffer, size_t capacity);

// A register tile of C = A * B (+ C) over packed panels: `a` holds `depth` columns of `mr` values, `b` holds
// `depth` rows of `nr` values, and the first `rows` x `columns` of the tile are written to `c`, whose rows lie
// `stride` elements apart.
typedef void (*volute_tile_f32)(ptrdiff_t depth, const float *a, const float *b, float *c, ptrdiff_t stride,
                                ptrdiff_t rows, ptrdiff_t columns, int accumulate);
typedef void (*volute_tile_f64)(ptrdiff_t depth, const double *a, const double *b, double *c,
                                ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns, int accumulate);

typedef struct __attribute__((swift_attr("@Sendable"))) {
  const char *name;
  ptrdiff_t mr_f32, nr_f32, mr_f64, nr_f64;
  volute_tile_f32 tile_f32;
  volute_tile_f64 tile_f64;
} volute_kernels;

// The kernels of the widest instruction set that this machine has, or of the one that the environment variable
// VOLUTE_ISA names (`baseline`, `avx2`, `avx512`), if the machine has that.
const volute_kernels *volute_kernels_for_this_machine(void);

#endif
