/*
 * PostgreSQL: one connection per thread, prepared statements only, parameters and results in binary.
 *
 * Results: rows >= 0, or one of enum db_result. Transactions go through db_transaction(), the only BEGIN there is. A query
 * lives in a file of its own in common/store/, with its statement as data:
 *
 *   const struct statement job_renew_statement = {"job_renew", 3, "UPDATE job SET …"};
 *
 * SQL casts every parameter ($1::bigint), so that the server and the encoder agree on types.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"

enum db_result {
    DB_RETRY = -1001,  /* conflict, deadlock or lost connection before COMMIT: nothing happened, may be done again */
    DB_FAILED = -1002, /* the statement is refused; again would be refused again. Logged where it is noticed. */
    DB_UNSURE = -1003, /* COMMIT sent, answer lost: read again by key, never redo blindly */
};

struct db;
struct db_rows;

struct statement {
    const char *name;
    unsigned params;
    const char *sql;
};

/* Does not connect yet. statements is NULL-terminated and must outlive the connection. Caller owns *ret. 0 or -ENOMEM. */
int db_new(struct db **ret, const char *conninfo, const char *application_name,
           const struct statement *const *statements);
void db_free(struct db *db);
DEFINE_CLEANUP(struct db *, db_free)

/* Connects if there is no connection, and prepares every statement. 0 or DB_RETRY, DB_FAILED. */
int db_connect(struct db *db);
bool db_connected(const struct db *db);
/* After db_connect(): EXPLAIN EXECUTE of every statement, which notices missing grants. 0 or DB_FAILED (all are logged). */
int db_check_statements(struct db *db);
int db_socket(const struct db *db);

/* ---- parameters: added in the order $1, $2, … Texts and bytes are borrowed until the call returns. */
#define DB_ARGS_MAX 32
struct db_args {
    struct {
        const char *value; /* NULL = SQL NULL */
        size_t len;
        bool own; /* an array, encoded into memory of its own */
        char small[8];
    } item[DB_ARGS_MAX];
    unsigned count;
    bool failed; /* out of memory or too many: the call then returns DB_FAILED */
};
#define _cleanup_args_ _cleanup_(db_args_done)
void db_args_done(struct db_args *a);

void db_add_null(struct db_args *a);
void db_add_int64(struct db_args *a, int64_t v);                 /* ::bigint */
void db_add_int32(struct db_args *a, int32_t v);                 /* ::integer */
void db_add_bool(struct db_args *a, bool v);                     /* ::boolean */
void db_add_text(struct db_args *a, const char *v);              /* ::text; NULL = SQL NULL */
void db_add_bytes(struct db_args *a, const void *v, size_t len); /* ::bytea */
void db_add_time(struct db_args *a, int64_t usec);               /* ::timestamptz */
void db_add_json(struct db_args *a, const char *v);              /* ::text::jsonb */
/* Arrays, for unnest(). A NULL element is SQL NULL. */
void db_add_int64_array(struct db_args *a, const int64_t *v, size_t n);    /* ::bigint[] */
void db_add_int32_array(struct db_args *a, const int32_t *v, size_t n);    /* ::integer[] */
void db_add_bool_array(struct db_args *a, const bool *v, size_t n);        /* ::boolean[] */
void db_add_text_array(struct db_args *a, const char *const *v, size_t n); /* ::text[] */
struct db_bytes {
    const void *data;
    size_t len;
};                                                                              /* data NULL = SQL NULL */
void db_add_bytes_array(struct db_args *a, const struct db_bytes *v, size_t n); /* ::bytea[] */
void db_add_time_array(struct db_args *a, const int64_t *usec, size_t n);       /* ::timestamptz[] */

/*
 * Runs one prepared statement, outside or inside db_transaction(). Returns the number of rows (returned, or touched where
 * nothing is returned) and, if ret is not NULL, the rows, which the caller frees. Outside a transaction the statement
 * is one of its own, with DB_RETRY and DB_UNSURE as above. With args NULL there are no parameters.
 */
int64_t db_run(struct db *db, const struct statement *statement, struct db_args *args, struct db_rows **ret);

void db_rows_free(struct db_rows *rows);
DEFINE_CLEANUP(struct db_rows *, db_rows_free)
#define _cleanup_rows_ _cleanup_(db_rows_freep)

size_t db_rows_count(const struct db_rows *rows);
bool db_is_null(const struct db_rows *rows, size_t row, unsigned column);
/* Null gives 0, false, "" or an empty array. Texts and bytes live as long as the rows; text is NUL-terminated. */
int64_t db_int64(const struct db_rows *rows, size_t row, unsigned column); /* smallint, integer or bigint */
bool db_bool(const struct db_rows *rows, size_t row, unsigned column);
const char *db_text(const struct db_rows *rows, size_t row, unsigned column);
struct db_bytes db_bytes(const struct db_rows *rows, size_t row, unsigned column);
int64_t db_time(const struct db_rows *rows, size_t row, unsigned column); /* usec since 1970 */
/* text[] → newly allocated array of n pointers into rows' memory copies; one free() frees all. NULL without memory. */
const char **db_text_array(const struct db_rows *rows, size_t row, unsigned column, size_t *ret_n);
int64_t *db_int64_array(const struct db_rows *rows, size_t row, unsigned column, size_t *ret_n);

/* ---- transactions */
/* What db_transaction() runs: 0 or positive commits; negative rolls back. DB_RETRY, from here or from below, begins it again, so the
 * callback must set its outputs anew each time and do nothing that cannot be undone. */
typedef int (*db_work)(struct db *db, void *ctx);

/*
 * READ COMMITTED. Bounded retries with jitter. organisation > 0 sets inkan.organisation for row-level security, in the same
 * round trip as BEGIN; 0 sets none. Returns what work returned, or DB_RETRY (retries used up), DB_FAILED, DB_UNSURE.
 */
int db_transaction(struct db *db, const char *name, int64_t organisation, db_work work, void *ctx);

/* COPY … FROM STDIN (FORMAT binary), inside a transaction. statement->sql is the COPY text; it is not prepared and takes no
 * parameters. add() is called until it returns 0 (1 = a row was added to the args given, negative = stop and fail). */
int64_t db_copy(struct db *db, const char *sql, int (*add)(void *ctx, struct db_args *row), void *ctx);

/* Several statements without parameters (a migration), inside a transaction that they must not end. 0 or enum db_result. */
int db_script(struct db *db, const char *name, const char *sql);

/* The name of the violated constraint or the SQLSTATE of the last DB_FAILED, for messages; never NULL. */
const char *db_last_error(const struct db *db);
