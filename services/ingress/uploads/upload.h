/*
 * Uploads: taking one in, and what the API and the pages say of them. Results of functions that give JSON are the bodies of
 * the API (interfaces: GET /api/v1/uploads).
 */
#pragma once

#include "services/ingress/http/http.h"
#include "store/db.h"

#define UPLOAD_PROGRESS_MAX 64

/* What the registrar asked for, read from the request's parameters. Texts are borrowed from the request. */
struct upload_wanted {
    const char *kind;
    bool skip; /* on_error=skip; else abort */
    bool dry_run, confirmed;
    const char *filename;
    const char *idempotency_key; /* NULL: none */
};

/* 0, or 1 when something cannot be taken: *ret_error and its arguments (static or the request's) say what. */
struct upload_refusal {
    enum error error;
    const char *args[3];
    size_t n_args;
};
int upload_read(const struct request *r, struct upload_wanted *ret, struct upload_refusal *ret_refusal);

/*
 * Stores the upload with its rows and check jobs, or as rejected with what is wrong with the file (208, 209, 213, 214, 215).
 * 1: stored, *ret_id; 0: an upload with the same Idempotency-Key and content is there already, *ret_id is its id;
 * -EEXIST: the key was used for other content; else negative as of a handler. Hints STAGE_check.
 */
int upload_take(struct thread *t, const struct request *r, const struct upload_wanted *wanted, int64_t *ret_id);

struct upload_query {
    int64_t id;
    int64_t cursor;              /* the page of rows; 0 begins */
    bool ng_only;                /* good rows left out */
    bool no_rows;                /* the upload alone */
    const char *unless_state;    /* not wanted in this state; NULL: always wanted */
    const char *unless_progress; /* nor when upload_progress() is this; NULL: always */
};
#define UPLOAD_UNCHANGED 2

/* 1 and *ret (the caller's); 0: not the registrar's; UPLOAD_UNCHANGED: not wanted; else negative as of a handler. */
int upload_get(struct thread *t, const struct request *r, const struct upload_query *query, json_t **ret);
/* One row of upload_rows() as the API shows it; kind: the upload's. New reference, NULL without memory. */
json_t *upload_row_json(const struct db_rows *rows, size_t i, const char *kind);
/* How far an upload is, in a few characters: another text whenever something changed. */
void upload_progress(const json_t *upload, char ret[static UPLOAD_PROGRESS_MAX]);
/* Whether nothing follows. False for what upload_progress() never wrote. */
bool upload_progress_is_final(const char *progress);
/* {"uploads": […], "next": …}, newest first; cursor 0 begins. 0 and *ret, or negative as of a handler. */
int upload_list(struct thread *t, const struct request *r, int64_t cursor, json_t **ret);
/* "123" → 123; 0 for what is no id. */
int64_t upload_id(const char *text);
