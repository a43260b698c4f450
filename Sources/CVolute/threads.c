#include "CVolute.h"

static _Thread_local void *slot;

void *volute_thread_slot(void) { return slot; }
void volute_set_thread_slot(void *value) { slot = value; }
