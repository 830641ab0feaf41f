/* Rows of the tests of the validator: what differs from a good one, and the errors that are to be found. */
#pragma once

#include <stddef.h>

#include "requests.h"
#include "services/validator/row.h"

#define DN "CN=www.example.ac.jp,O=testkikan,L=Chiyoda-ku,ST=Tokyo,C=JP"
#define SUBJECT "C=JP|ST=Tokyo|L=Chiyoda-ku|O=testkikan|CN=www.example.ac.jp"
#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* What rows are checked against; tests change it and put it back. */
extern struct row_rules rules;
extern struct policy policy;

struct fields {
    const char *column[20]; /* from 1; NULL: as in a good row; "" empty */
    struct request request; /* subject NULL: as in a good row */
    size_t columns;         /* 0: 13 */
};

struct expectation {
    const char *what;
    struct fields row;
    const char *errors; /* "code:column …" */
};

char *to_cp932(const char *utf8, size_t *ret_len); /* owned by the caller */
void add_row(struct buf *to, const struct fields *f);

/* A row that is not as expected is shown, and fails the test at its end, so that all of them are. */
void expect_line(const char *what, const void *line, size_t len, const char *expected);
void expect(const char *what, const struct fields *f, const char *expected);
void expect_all(const struct expectation *e, size_t n);

/* Of a group, and of each test that expects rows. */
int rows_open(void **state);
int rows_close(void **state);
int rows_begin(void **state);
int rows_end(void **state);
