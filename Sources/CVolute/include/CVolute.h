#ifndef CVOLUTE_H
#define CVOLUTE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/// `value` with a fixed number of decimals, or in scientific notation; returns snprintf's count.
int volute_format(double value, int digits, int is_scientific, char *buffer, size_t capacity);

#endif
