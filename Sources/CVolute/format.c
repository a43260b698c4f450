#include "CVolute.h"

#include <stdio.h>

int volute_format(double value, int digits, int is_scientific, char *buffer, size_t capacity) {
  return snprintf(buffer, capacity, is_scientific ? "%.*e" : "%.*f", digits, value);
}
