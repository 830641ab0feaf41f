/* The errors found in one row: a JSON array as it is stored, kept in column order. */
#pragma once

#include "proto/errors.h"
#include "proto/tsv.h"

struct problems {
    const struct tsv_format *format;
    json_t *list; /* made at the first error; NULL: none */
    bool failed;  /* out of memory: the row cannot be judged */
};

void problems_done(struct problems *p);

/*
 * Adds an error after those of the same column; column 0 is the whole row. The arguments are texts, ended by NULL; they
 * are cut and made printable here, so that they may come from outside.
 */
void problem_add(struct problems *p, enum error error, int column, ...) __attribute__((sentinel));
/* The same with the column's 項目名 as the first argument. */
void problem_item(struct problems *p, enum error error, int column, ...) __attribute__((sentinel));

bool problems_any(const struct problems *p);
/* The array as text for the database, "[]" without errors; malloc'ed, NULL without memory. */
char *problems_dump(const struct problems *p);
