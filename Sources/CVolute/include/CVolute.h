// Compute kernels behind a table that is chosen once for the machine at hand.
// Nothing here allocates, starts a thread or makes a decision about a convolution.
#ifndef CVOLUTE_H
#define CVOLUTE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

// `value` with a fixed number of decimals, or in scientific notation; returns snprintf's count.
int volute_format(double value, int digits, int is_scientific, char *buffer, size_t capacity);

// The processors that this process may run on.
ptrdiff_t volute_processor_count(void);

// The processor that the calling thread is on; -1 where nobody says.
ptrdiff_t volute_processor(void);

// Moves the calling thread to another processor, if there is one where it may run; it may come back.
void volute_leave_processor(ptrdiff_t processor);

// Asks for `count` lines of the cache, `offsets` bytes behind `start`, to write them, and does not wait.
static inline void volute_fetch(const void *start, ptrdiff_t count, const int32_t *offsets) {
  for (ptrdiff_t i = 0; i < count; i++) __builtin_prefetch((const char *)start + offsets[i], 1);
}

// Tells the processor that the caller waits in a loop.
static inline void volute_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Arrays are of the element type that the table is for; offsets, strides and counts are in elements.

// C = A * B (+ C) for a register tile. `a` holds `depth` columns of `rows` values; row k of B is the
// `vectors * lanes` elements at `b + offsets[k]`. The first `rows` x `columns` of the tile are written to `c`,
// whose rows lie `stride` apart.
typedef struct {
  ptrdiff_t rows, vectors;
  void (*run)(ptrdiff_t depth, const void *a, const void *b, const int32_t *offsets, void *c, ptrdiff_t stride,
              ptrdiff_t rows, ptrdiff_t columns, int accumulate);
} volute_tile;

// One plane of the input under one plane of a kernel: where they start, and the kernel's size.
typedef struct {
  ptrdiff_t input, weight, rows, columns;
} volute_plane;

// `rows` rows of `vectors * lanes` outputs of one channel: sums over the planes of x[i + k, j + l] * w[k, l], added to
// `base`, which lies as the outputs do, or to nothing; rows of the input lie `pitch` apart. Every plane has at least
// `rows - 1` kernel rows.
typedef struct {
  ptrdiff_t rows, vectors;
  void (*run)(ptrdiff_t count, const volute_plane *planes, const void *x, ptrdiff_t pitch, const void *w, void *c,
              ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns, const void *base);
} volute_stencil;

// A stretch of a line: to[to + i] = line[from + i * step], zeros for step 0.
typedef struct {
  ptrdiff_t to, from, step, count;
} volute_run;

// Part of a line that rows are added to: to[to + i * step] += the sum over t < taps of element first + i - t * tap_shift
// of the row at from + t * tap_step, for i < count. There is nothing beyond the ends of a row.
typedef struct {
  ptrdiff_t to, step, count, first, taps, from, tap_step, tap_shift;
} volute_fold;

// Taps of a window where each lane has weights of its own: where they read, and as many vectors of weights.
typedef struct {
  ptrdiff_t count;
  const int32_t *offsets;
  const void *factors;
} volute_lane_sum;

// A tap of a window: where its places lie, and its weights.
typedef struct {
  ptrdiff_t from, weight;
} volute_tap;

// Where the spectra of three matrices lie, relative to the first; imaginary parts `imaginary` behind real ones.
typedef struct {
  ptrdiff_t imaginary, x_row, x_depth, w_column, w_depth, s_row, s_column;
} volute_spectra;

// A matrix applied to `n` places at once: lines in, lines out, which must not overlap.
typedef void (*volute_lines)(ptrdiff_t n, const void *const *from, void *const *to);

// Winograd's matrices for tiles of 4 and of 6 points, at 0 and 1 (`input`), or at k - 2 and k + 2 where k is the number
// of taps (`weight`) or outputs, of which there are together one more than points. Null where there are none.
typedef struct __attribute__((swift_attr("@Sendable"))) {
  // Points from as many lines; from taps; outputs from points. Transposed: points from outputs; taps from points.
  const volute_lines *input, *weight, *output, *output_adjoint, *weight_adjoint;
} volute_winograd;

typedef struct __attribute__((swift_attr("@Sendable"))) {
  ptrdiff_t lanes;
  ptrdiff_t tile_count;
  const volute_tile *tiles;
  ptrdiff_t stencil_count;
  const volute_stencil *stencils;
  // Vectors that `sum_lanes` sums at once, and taps beside each other that share what they load.
  ptrdiff_t lane_sums, lane_taps;
  // to[r * stride + j * lanes + i] = start[i] + the sum over k < taps->count of from[r * pitch + taps->offsets[k] + j *
  // lanes + i] * taps->factors[k * lanes + i], for r < rows and j < count.
  void (*sum_lanes)(ptrdiff_t rows, ptrdiff_t count, const volute_lane_sum *taps, const void *from, ptrdiff_t pitch,
                    const void *start, void *to, ptrdiff_t stride);
  // The same for two rows at once, from three sums: that of taps[1] as above, and those of taps[0] and taps[2] over what a
  // place is more than that of the next row. The first row is taps[0] + taps[1] and the second taps[1] + taps[2]; a last
  // row alone is a first one.
  void (*sum_lane_pairs)(ptrdiff_t rows, ptrdiff_t count, const volute_lane_sum *taps, const void *from, ptrdiff_t pitch,
                         const void *start, void *to, ptrdiff_t stride);
  // Places that `sum_channels` and `sum_rows` sum at once, with one vector of output channels and with two.
  ptrdiff_t channel_rows[2];
  // to[i * vectors * lanes + o] = start[o] + the sum over the taps t and channels c of from[taps[t].from + c / lanes * pitch
  // + i * lanes + c % lanes] * weights[taps[t].weight + c * vectors * lanes + o], for i < rows and as many o as 1 or 2
  // `vectors` have lanes.
  void (*sum_channels)(ptrdiff_t rows, ptrdiff_t vectors, ptrdiff_t tap_count, const volute_tap *taps,
                       ptrdiff_t channels, ptrdiff_t pitch, const void *from, const void *weights, const void *start,
                       void *to);
  // to[i * vectors * lanes + o] = start[o] + the sum over k < depth of from[offsets[k] + i * step] * weights[k * vectors *
  // lanes + o], for i < count and as many o as 1 or 2 `vectors` have lanes; `step` is 1 or 2. Behind it the same of a
  // second row, unless that is null.
  void (*sum_rows)(ptrdiff_t count, ptrdiff_t vectors, ptrdiff_t step, ptrdiff_t depth, const int32_t *offsets,
                   const void *from, const void *second, const void *weights, const void *start, void *to);
  volute_winograd winograd;
  // to[i * lines + l] = from[l][i], the first n places of `to`.
  void (*interleave)(ptrdiff_t n, ptrdiff_t lines, const void *const *from, void *to);
  // to[r * stride + i * step] = from[r * pitch + i] + bias[r], or += from[r * pitch + i].
  void (*emit)(ptrdiff_t rows, ptrdiff_t n, const void *from, ptrdiff_t pitch, void *to, ptrdiff_t stride,
               ptrdiff_t step, const void *bias, int accumulate);
  // to[r * stride + i] = the sum over k < depth of factors[k * step + r] * from[k * pitch + i], + bias[r] if there is one.
  // Past the caches if `past` is set.
  void (*mix)(ptrdiff_t n, ptrdiff_t depth, const void *from, ptrdiff_t pitch, ptrdiff_t rows, const void *factors,
              ptrdiff_t step, const void *bias, void *to, ptrdiff_t stride, int past);
  // to[r * stride + i] = *start + the sum over k < depth of factors[r * depth + k] * from[k * pitch + i], for a depth of 6, 8
  // or 10: each line is read once. From zero where `start` is null.
  void (*mix_points)(ptrdiff_t n, ptrdiff_t depth, const void *from, ptrdiff_t pitch, ptrdiff_t rows,
                     const void *factors, const void *start, void *to, ptrdiff_t stride);
  // Line l of `to`, `pitch` long, from the line that starts at `from + sources[l]`; zeros if that is negative. What
  // lies `ahead` elements behind what is read will be wanted next.
  void (*pack)(ptrdiff_t lines, const ptrdiff_t *sources, const void *from, ptrdiff_t run_count,
               const volute_run *runs, void *to, ptrdiff_t pitch, ptrdiff_t ahead);
  // The same for lines cut into `step` phases: to[p * phase + l * pitch + i] is place i * step + p of line l, which
  // is built in `line`: room for `pitch * step` elements and 4 vectors more.
  void (*pack_phases)(ptrdiff_t lines, const ptrdiff_t *sources, const void *from, ptrdiff_t run_count,
                      const volute_run *runs, ptrdiff_t step, void *line, void *to, ptrdiff_t pitch,
                      ptrdiff_t phase, ptrdiff_t ahead);
  // For each line, one of `outer` and one of `inner`, what `folds` say, from all rows of both: `count` of each, `step` apart.
  // Rows are `n` long. Lines behind the first `outer_old` and `inner_old` are not added to, but start as `*start`,
  // unless that is null.
  void (*fold)(ptrdiff_t outer_count, ptrdiff_t outer_old, const volute_run *outer, ptrdiff_t inner_count,
               ptrdiff_t inner_old, const volute_run *inner, ptrdiff_t fold_count, const volute_fold *folds, ptrdiff_t n,
               const void *from, const void *start, void *to);
  // to[i] = the sum over r of from[offsets[r] + i] * factors[r * n + i], without the rows whose offset is negative.
  void (*multiply_rows)(ptrdiff_t n, ptrdiff_t count, const ptrdiff_t *offsets, const void *from, const void *factors,
                        void *to);
  // to[j * width + i] = from[i * pitch + j * step].
  void (*transpose)(ptrdiff_t rows, ptrdiff_t columns, const void *from, ptrdiff_t pitch, ptrdiff_t step, void *to,
                    ptrdiff_t width);
  // The Fourier transform of `lanes` lines, line l being lane l of n vectors. `factors` multiply up to n; `twiddles`
  // are exp(-2 pi i p k / left) for each factor r, p < left / r and 0 < k < r, where left is what of n is left.
  // Nonzero if the result is in the other arrays.
  int (*fft)(ptrdiff_t n, ptrdiff_t count, const ptrdiff_t *factors, const void *twiddles, void *re, void *im,
             void *other_re, void *other_im);
  // The first pass of the transform of one row of lanes * m values, m >= lanes, which must not overlap the result;
  // `fft` of m does the rest and leaves value k of the spectrum at place k. `twiddles` are the real parts of
  // exp(-2 pi i l j / (lanes * m)) for each l < lanes and j < m, then the imaginary parts.
  void (*fft_first)(ptrdiff_t m, const void *twiddles, const void *re, const void *im, void *to_re, void *to_im);
  // to[j * lanes + i] = from[i * pitch + j] for i < rows, zeros for other lanes; and back.
  void (*lines_to_lanes)(ptrdiff_t rows, ptrdiff_t columns, const void *from, ptrdiff_t pitch, void *to);
  void (*lanes_to_lines)(ptrdiff_t rows, ptrdiff_t columns, const void *from, void *to, ptrdiff_t pitch);
  // to[places[j] + i] = from[i * pitch + j] for i < rows, zeros for other lanes; and back. What lies `ahead` elements
  // behind what is read will be wanted next.
  void (*lines_to_places)(ptrdiff_t rows, ptrdiff_t columns, const void *from, ptrdiff_t pitch, void *to,
                          const int32_t *places, ptrdiff_t ahead);
  void (*places_to_lines)(ptrdiff_t rows, ptrdiff_t columns, const void *from, const int32_t *places, void *to,
                          ptrdiff_t pitch);
  // The first n / 2 + 1 values of the spectra of two real lines from the transform of the one plus i times the other;
  // and back.
  void (*split)(ptrdiff_t n, const void *zre, const void *zim, void *re, void *im, ptrdiff_t stride, ptrdiff_t second);
  void (*join)(ptrdiff_t n, const void *re, const void *im, ptrdiff_t stride, ptrdiff_t second, void *zre, void *zim);
  // s (+)= x * conjugate(w).
  void (*multiply_spectra)(ptrdiff_t n, const void *xre, const void *xim, const void *wre, const void *wim, void *sre,
                           void *sim, int accumulate);
  // s[row, column] (+)= the sum over depth of x[row, depth] * conjugate(w[column, depth]), n values of each: whole
  // vectors.
  void (*sum_spectra)(const volute_spectra *arrays, ptrdiff_t n, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth,
                      const void *x, const void *w, void *s, int accumulate);
} volute_scalar_kernels;

typedef struct __attribute__((swift_attr("@Sendable"))) {
  const char *name;
  const volute_scalar_kernels *f32, *f64;
} volute_kernels;

// The kernels of the widest instruction set that this machine has, or of the one that the environment variable
// VOLUTE_ISA names (`baseline`, `avx2`, `avx512`), if the machine has that.
const volute_kernels *volute_kernels_for_this_machine(void);

// A block of memory.
typedef struct {
  void *start;
  ptrdiff_t size;
} volute_block;

// This thread's own, zero at first: as many blocks as tasks ask for at a time, and how many loops it is in that keep
// them.
#define VOLUTE_THREAD_BLOCKS 4
volute_block *volute_thread_blocks(void);
ptrdiff_t *volute_thread_depth(void);

// A pointer of this thread's own, null at first.
void *volute_thread_slot(void);
void volute_set_thread_slot(void *value);

#include "rows.h"

#endif
