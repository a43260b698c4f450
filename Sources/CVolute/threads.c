#include "CVolute.h"

static _Thread_local void *slot;

void *_Nullable *_Nonnull volute_thread_slot(void) { return &slot; }
