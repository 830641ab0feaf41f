/*
 * What the commands of inkanctl share. A handler fills ctl.result (an object, or an array of objects) and returns an exit
 * code; main() prints the result as text or JSON.
 */
#pragma once

#include <jansson.h>

#include "command.h"
#include "store/db.h"

enum ctl_exit {
    CTL_OK = 0,
    CTL_FAILED = 1,
    CTL_USAGE = 2,
    CTL_NOT_FOUND = 3,
    CTL_REFUSED = 4, /* by a rule, or a verification failed */
};

#define CTL_HEALTH_COUNT 5

struct ctl_settings {
    const char *database;
    const char *health[CTL_HEALTH_COUNT]; /* in the order of ctl_daemons */
    int64_t oldest_usec;                  /* health.oldest */
    const char *pki_url;
};

extern const char *const ctl_daemons[CTL_HEALTH_COUNT];

struct ctl {
    struct command_line line;
    struct ctl_settings settings;
    struct db *db;   /* connected when the command has statements; of one that goes on without (offline), perhaps not */
    const char *by;  /* the person, for the audit: OS user, and whom sudo was called by */
    json_t *result;  /* printed even after a failure; NULL: nothing */
    struct buf text; /* what people get instead of the result, where a command has a form of its own */
};

/* NULL when not given. */
const char *ctl_option(const struct ctl *c, const char *name);
bool ctl_switch(const struct ctl *c, const char *name);
const char *ctl_argument(const struct ctl *c, unsigned i);

/* Says on stderr what is wrong and returns code. */
int ctl_fail(int code, const char *format, ...) _printf_(2, 3);
/* For negative results of the database: what is known was logged there. */
int ctl_database_failed(int64_t result);

/* An option as a number: 0 with *ret (fallback when not given), or CTL_USAGE. */
int ctl_number(const struct ctl *c, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *ret);
/* An argument that is an id: 0 or CTL_USAGE. */
int ctl_id(const char *text, int64_t *ret);

/* Whole file; -EFBIG beyond max. */
int ctl_read_file(const char *path, size_t max, struct buf *ret);

/*
 * Runs a statement whose only column is a JSON text a row; the rows become *ret_array (a new reference). Number of rows, or
 * enum db_result.
 */
int64_t ctl_query(struct ctl *c, const struct statement *statement, struct db_args *args, json_t **ret_array);
/* The same for handlers that end with it: result = the array, or its one object. missing: the message for no row (code 3). */
int ctl_answer_list(struct ctl *c, const struct statement *statement, struct db_args *args);
int ctl_answer_one(struct ctl *c, const struct statement *statement, struct db_args *args, int missing_code,
                   const char *missing, ...) _printf_(5, 6);
/*
 * The same behind every signing transaction that began before, which hold the service's row to their end; those that come wait for this
 * one. result = the first row, or NULL: there is none.
 */
int ctl_answer_behind_signing(struct ctl *c, const struct statement *statement, struct db_args *args);

/* The organisation meant by a number or by its English name: 0, or the exit code (said). */
int ctl_organisation(struct ctl *c, const char *text, int64_t *ret);

/* result as text or JSON on stdout. */
void ctl_print(const json_t *result, bool as_json);
