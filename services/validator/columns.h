/* One line of a TSV file taken apart and checked column by column, as the table of its format says. */
#pragma once

#include <stdint.h>

#include "problems.h"

/* More than any row whose columns keep their bounds. */
#define LINE_BYTES_MAX 16384

struct column {
    const char *text; /* UTF-8; "" when empty, missing or not decodable */
    size_t len;       /* bytes */
    bool readable;    /* every character is one that the column allows: its meaning can be judged */
};

struct columns {
    struct column column[TSV_COLUMNS_MAX]; /* from 0 */
    char *memory;
};

/* Errors go to problems, whose format it is; of a line that is too long no column is read. Returns 0 or -ENOMEM. */
int columns_read(struct columns *ret, const uint8_t *line, size_t len, struct problems *problems);
void columns_done(struct columns *c);
/* The column of a meaning, and its number from 1 if ret_number is not NULL. Never NULL: an absent one is empty. */
const struct column *columns_get(const struct columns *c, const struct tsv_format *format, enum tsv_field field,
                                 int *ret_number);
