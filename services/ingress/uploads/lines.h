/* The lines of a file in memory, as bytes: split at LF, a CR before it removed, blank lines counted but passed over. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct lines {
    const char *at, *end;
    int seq; /* of the line last given; from 1 */
};

struct line {
    int seq;
    const char *bytes;
    size_t len;
};

/* False at the end. A line of blanks and TABs alone is blank. */
bool lines_next(struct lines *lines, struct line *ret);
