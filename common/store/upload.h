/*
 * Uploads as the ingress takes them in and shows them; role inkan_ingress, inside a transaction of the organisation
 * (row-level security).
 * Errors: enum db_result.
 */
#pragma once

#include "store/db.h"

extern const struct statement upload_insert_statement, upload_same_statement, upload_jobs_statement,
    upload_get_statement, upload_rows_statement, upload_lines_statement, upload_list_statement, upload_forget_statement,
    upload_any_statement;

/* Forgets the idempotency key when it is older than 30 days; before upload_insert(). */
int upload_forget(struct db *db, int64_t organisation, const char *idempotency_key);

/* Whether any upload, of whatever organisation, is being checked, decided or signed: 1, or 0. */
int upload_any(struct db *db);

struct upload_new {
    int64_t organisation, registrar;
    const char *kind, *on_error;
    bool dry_run, confirmed;
    const char *filename;
    const uint8_t *sha256;       /* 32 bytes */
    const char *idempotency_key; /* NULL: none */
    const char *errors;          /* JSON list; "[]": the file itself is good */
    int rows_total, chunks;      /* chunks 0: rejected */
};

/*
 * The upload and its audit event. The organisation's state is judged here: 215 is added when it is not active. 1, *ret_id and
 * *ret_checking (rows and jobs are wanted); 0: the organisation has an upload with this idempotency key (of the last 30 days).
 */
int upload_insert(struct db *db, const struct upload_new *upload, int64_t *ret_id, bool *ret_checking);
/* The upload with this idempotency key: 1, *ret_id, and whether it is the same request. */
int upload_same(struct db *db, const struct upload_new *upload, int64_t *ret_id, bool *ret_same);
/* Check jobs over the lines that were copied: lines a chunk. Number of jobs; *ret_job one of them. */
int64_t upload_jobs(struct db *db, int64_t upload, int64_t organisation, const int32_t *from, const int32_t *to,
                    size_t n, int64_t *ret_job);

enum upload_column {
    UPLOAD_ID,
    UPLOAD_KIND,
    UPLOAD_ON_ERROR,
    UPLOAD_DRY_RUN,
    UPLOAD_STATE,
    UPLOAD_ERRORS,
    UPLOAD_TOTAL,
    UPLOAD_OK,
    UPLOAD_NG,
    UPLOAD_CREATED,
    UPLOAD_FILENAME,
    UPLOAD_ENDED,
};
int64_t upload_find(struct db *db, int64_t id, struct db_rows **ret);
/* Newest first, those with an id below before (0: all). */
int64_t upload_page(struct db *db, int64_t before, int limit, struct db_rows **ret);

enum upload_row_column {
    ROW_SEQ,
    ROW_RESULT, /* 'OK', 'NG' or null: not known yet */
    ROW_STATE,  /* the manual's 状態, or null */
    ROW_APPLICATION,
    ROW_SERIAL,
    ROW_ERRORS,
    ROW_CN,
    ROW_MANAGER,
};
/* Its lines as they were sent, without their ends: seq, line. */
int64_t upload_lines(struct db *db, int64_t upload, int64_t after_seq, bool ng_only, int limit, struct db_rows **ret);
int64_t upload_rows(struct db *db, int64_t upload, int64_t after_seq, bool ng_only, int limit, struct db_rows **ret);
