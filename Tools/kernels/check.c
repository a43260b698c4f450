// Every kernel in the tables of CVolute against plain loops in double precision, over random sizes with odd tails.
//
// Arrays lie between guards, and all of an array is compared: what a kernel should leave alone must be as it was.
// `.ci/neon` builds this for the machine at hand and for arm64, and runs it under each instruction set.
#include "CVolute.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GLUE_(a, b) a##b
#define GLUE(a, b) GLUE_(a, b)

// Elements on either side of an array; a multiple of every vector.
#define GUARD 64
// What an answer may be off, in units of the last place of the sum of its terms' sizes.
#define ULPS 40

static int cases_of_each = 300;
static long cases, failures;

static uint64_t state = 0x9E3779B97F4A7C15;
static uint64_t word(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state * 0x2545F4914F6CDD1D;
}
// A whole number from `low` to `high`.
static ptrdiff_t whole(ptrdiff_t low, ptrdiff_t high) {
  return low + (ptrdiff_t)((word() >> 11) % (uint64_t)(high - low + 1));
}
static int coin(void) { return (int)(word() >> 63); }
// From -1 to 1.
static double uniform(void) { return (double)(int64_t)word() / 9223372036854775808.0; }
// Sizes around those of vectors, now and then long ones.
static ptrdiff_t size(void) { return whole(0, 9) ? whole(1, 70) : whole(1, 700); }

static void *room(ptrdiff_t bytes) {
  size_t whole_bytes = ((size_t)bytes + 63) / 64 * 64 + 64;
  void *block = aligned_alloc(64, whole_bytes);
  if (!block) {
    fprintf(stderr, "no memory for %zu bytes\n", whole_bytes);
    exit(2);
  }
  return block;
}

// Says what differs, for the first few.
static void differ(const char *kernel, ptrdiff_t place, ptrdiff_t count, double got, double want) {
  failures++;
  if (failures <= 20)
    fprintf(stderr, "%s: element %td of %td is %.17g, not %.17g\n", kernel, place, count, got, want);
}

#define EPSILON FLT_EPSILON
#define SCALAR float
#define INT int32_t
#define NAME(x) GLUE(f32_, x)
#define TYPE "f32 "
#include "arrays.inc"
#include "products.inc"
#include "rows.inc"
#include "undefine.inc"
#define EPSILON DBL_EPSILON
#define SCALAR double
#define INT int64_t
#define NAME(x) GLUE(f64_, x)
#define TYPE "f64 "
#include "arrays.inc"
#include "products.inc"
#include "rows.inc"
#include "undefine.inc"
#include "conversions.inc"

int main(int count, char **arguments) {
  if (count > 1) cases_of_each = atoi(arguments[1]);
  const volute_kernels *kernels = volute_kernels_for_this_machine();
  const volute_row_kernels *rows = volute_row_kernels_for_this_machine();
  f32_products(kernels->f32);
  f64_products(kernels->f64);
  f32_rows(rows->f32);
  f64_rows(rows->f64);
  conversions(rows);
  printf("%s: %ld cases, %ld elements differ\n", kernels->name, cases, failures);
  return failures > 0 || cases == 0;
}
