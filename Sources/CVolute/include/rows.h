// Kernels that work on whole rows: pooling, resampling, elementwise operations, reductions and conversions.
#ifndef VOLUTE_ROWS_H
#define VOLUTE_ROWS_H

#include "CVolute.h"

// Arrays are of the element type that the table is for; offsets, strides and counts are in elements. Places are
// integers of the element's width. Of two elements the larger is the greater one, NaN before any number; of equals
// it is the one at the lower place, of NaNs the one at the higher.
typedef struct __attribute__((swift_attr("@Sendable"))) {
  // values[i] = the largest of from[lines[l] + i], and places[i] its offset from `from`; lines lie in order.
  void (*maximum_of_lines)(ptrdiff_t n, ptrdiff_t count, const ptrdiff_t *lines, const void *from, void *values,
                           void *places);
  // to[o] = the largest of values[o * stride + t * step], t < taps, and indices[o] its place.
  void (*maximum_of_windows)(ptrdiff_t n, ptrdiff_t stride, ptrdiff_t taps, ptrdiff_t step, const void *values,
                             const void *places, void *to, int64_t *indices);
  // to[i] = the sum of from[lines[l] + i].
  void (*sum_of_lines)(ptrdiff_t n, ptrdiff_t count, const ptrdiff_t *lines, const void *from, void *to);
  // to[o] = the sum of from[o * stride + t * step], t < taps, over outer * divisors[o].
  void (*mean_of_windows)(ptrdiff_t n, ptrdiff_t stride, ptrdiff_t taps, ptrdiff_t step, const void *from,
                          ptrdiff_t outer, const void *divisors, void *to);
  // to[o * to_pitch + i] = the sum of weights[e] * from[sources[e] * pitch + i], offsets[o] <= e < offsets[o + 1].
  void (*weigh_lines)(ptrdiff_t n, ptrdiff_t outputs, const ptrdiff_t *offsets, const ptrdiff_t *sources,
                      const void *weights, const void *from, ptrdiff_t pitch, void *to, ptrdiff_t to_pitch);
  // Line l of `to`, `pitch` long, from the line that starts at from + sources[l]; `fill` where that is PTRDIFF_MIN. A
  // run with step 0 repeats one element, or, if its `from` is PTRDIFF_MIN, `fill`. Bits are moved as they are.
  void (*gather_lines)(ptrdiff_t lines, const ptrdiff_t *sources, const void *from, ptrdiff_t run_count,
                       const volute_run *runs, const void *fill, void *to, ptrdiff_t pitch);
  // The sum of a row.
  double (*sum)(ptrdiff_t n, const void *from);
  // to = x / (1 + exp(-x)), and to = gradient * its slope.
  void (*silu)(ptrdiff_t n, const void *from, void *to);
  void (*silu_gradient)(ptrdiff_t n, const void *from, const void *gradient, void *to);
  // The mean of a row, and the sum of squared distances from it.
  void (*moments)(ptrdiff_t n, const void *from, double *mean, double *squares);
  // The sum of gradient, and of gradient * (from - center).
  void (*dots)(ptrdiff_t n, const void *gradient, const void *from, double center, double *sum, double *product);
  // to = from * scale + shift.
  void (*scale_shift)(ptrdiff_t n, const void *from, double scale, double shift, void *to);
  // to = left * left_scale + right * right_scale + shift.
  void (*combine)(ptrdiff_t n, const void *left, double left_scale, const void *right, double right_scale,
                  double shift, void *to);
  // to = left op right, for +, -, * and /; a step is 1, or 0 to repeat one element.
  void (*binary[4])(ptrdiff_t n, const void *left, int left_step, const void *right, int right_step, void *to);
  // to = exp(from) / sum(exp(from)), of a row, or of `count` columns of n elements that are `stride` apart; and the
  // gradients, told from the output.
  void (*softmax)(ptrdiff_t n, const void *from, void *to);
  void (*softmax_of_columns)(ptrdiff_t n, ptrdiff_t count, ptrdiff_t stride, const void *from, void *to);
  void (*softmax_gradient)(ptrdiff_t n, const void *output, const void *gradient, void *to);
  void (*softmax_gradient_of_columns)(ptrdiff_t n, ptrdiff_t count, ptrdiff_t stride, const void *output,
                                      const void *gradient, void *to);
} volute_scalar_row_kernels;

typedef struct __attribute__((swift_attr("@Sendable"))) {
  const volute_scalar_row_kernels *f32, *f64;
  // Rows of 16-bit numbers to 32 bits and back, rounded to nearest, ties to even; NaN stays NaN, and quiet.
  void (*from_float16)(ptrdiff_t n, const void *from, void *to);
  void (*to_float16)(ptrdiff_t n, const void *from, void *to);
  void (*from_bfloat16)(ptrdiff_t n, const void *from, void *to);
  void (*to_bfloat16)(ptrdiff_t n, const void *from, void *to);
} volute_row_kernels;

// Of the instruction set of `volute_kernels_for_this_machine`.
const volute_row_kernels *volute_row_kernels_for_this_machine(void);

#endif
