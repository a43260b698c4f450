#include "CVolute.h"

static _Thread_local void *slot;

void *volute_thread_slot(void) { return slot; }
void volute_set_thread_slot(void *value) { slot = value; }

static _Thread_local volute_block blocks[VOLUTE_THREAD_BLOCKS];
static _Thread_local ptrdiff_t depth;

volute_block *volute_thread_blocks(void) { return blocks; }
ptrdiff_t *volute_thread_depth(void) { return &depth; }
