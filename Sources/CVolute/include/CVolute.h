#ifndef CVOLUTE_H
#define CVOLUTE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#endif
