#include "csrs.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int csrs_read(struct csrs *c, const char *path) {
    FILE *file = fopen(path, "re");
    char chunk[65536];
    for (size_t got; file && (got = fread(chunk, 1, sizeof(chunk), file)) > 0;)
        buf_add(&c->bytes, chunk, got);
    if (!file || fclose(file) != 0 || c->bytes.failed)
        return -1;
    const uint8_t *p = (const uint8_t *) c->bytes.data;
    c->offset = calloc(c->bytes.len / 4 + 1, sizeof(*c->offset));
    c->len = calloc(c->bytes.len / 4 + 1, sizeof(*c->len));
    for (size_t at = 0; c->offset && c->len && at + 4 <= c->bytes.len; c->n++) {
        c->len[c->n] = (size_t) p[at] << 24 | (size_t) p[at + 1] << 16 | (size_t) p[at + 2] << 8 | p[at + 3];
        c->offset[c->n] = at + 4;
        at += 4 + c->len[c->n];
    }
    return c->n > 0 ? 0 : -1;
}
