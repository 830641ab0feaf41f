/* A file of CSRs as bench_rows writes it: each its length in 4 bytes big endian and its DER. */
#pragma once

#include <stddef.h>

#include "base/buf.h"

struct csrs {
    struct buf bytes;
    size_t *offset, *len, n;
};

int csrs_read(struct csrs *c,
              const char *path); /* 0, or -1 when there are none to read; what is read is kept to the end */
