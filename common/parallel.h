/* A thread a core inside a chunk: runs fn(ctx, i) for every i in 0..n-1 and returns when all are done. */
#pragma once

#include <stddef.h>

struct parallel;

/* threads 0: one per core the process may use. NULL without memory or threads. The caller owns it. */
struct parallel *parallel_new(unsigned threads);
void parallel_free(struct parallel *p);
/* That this process may use. */
unsigned parallel_cores(void);
/* The calling thread takes part. fn must not touch another i's data. Not reentrant. */
void parallel_for(struct parallel *p, size_t n, void (*fn)(void *ctx, size_t i), void *ctx);
