#define _GNU_SOURCE
#include "CVolute.h"

#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif

ptrdiff_t volute_processor_count(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
#endif
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? count : 1;
}

ptrdiff_t volute_processor(void) {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

void volute_leave_processor(ptrdiff_t processor) {
#if defined(__linux__)
  cpu_set_t set, others;
  if (processor < 0 || processor >= CPU_SETSIZE || sched_getaffinity(0, sizeof(set), &set) != 0) return;
  others = set;
  CPU_CLR(processor, &others);
  // Refused where there is no other.
  if (sched_setaffinity(0, sizeof(others), &others) == 0) sched_setaffinity(0, sizeof(set), &set);
#else
  (void)processor;
#endif
}
