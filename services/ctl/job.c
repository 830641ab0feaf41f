/* job list|retry|discard: the queues, and what stands still in them. */
#include <string.h>

#include "commands.h"
#include "ctl_text.h"
#include "proto/stages.h"
#include "store/ask.h"
#include "store/operator.h"

const struct command_option job_list_options[] = {
    {"stage", "STAGE", "of one stage alone (docs/architecture.md)", false},
    {0},
};
const struct command_option job_retry_options[] = {{0}};
const struct command_option job_discard_options[] = {
    {"reason", "TEXT", "kept in the audit", true},
    {0},
};

const struct statement *const job_list_statements[] = {&job_list_statement, NULL};
const struct statement *const job_retry_statements[] = {&job_show_statement, &job_retry_statement, NULL};
const struct statement *const job_discard_statements[] = {&job_take_statement,         &job_discard_send_statement,
                                                          &job_discard_mark_statement, &job_discard_finish_statement,
                                                          &ask_finish_statement,       NULL};

int job_list_run(struct ctl *c) {
    const char *stage = ctl_option(c, "stage");
    if (stage && stage_from_name(stage) == STAGE_INVALID)
        return ctl_fail(CTL_USAGE, "--stage: no such stage");
    _cleanup_args_ struct db_args args = {0};
    db_add_text(&args, stage);
    return ctl_answer_list(c, &job_list_statement, &args);
}

int job_retry_run(struct ctl *c) {
    int64_t id = 0;
    int r = ctl_id(ctl_argument(c, 0), &id);
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0}, again = {0};
    db_add_int64(&args, id);
    db_add_text(&args, c->by);
    db_add_int64(&again, id);
    json_t *rows = NULL;
    int64_t n = ctl_query(c, &job_retry_statement, &args, &rows);
    if (n < 0)
        return ctl_database_failed(n);
    if (n > 0)
        c->result = json_incref(json_array_get(rows, 0));
    json_decref(rows);
    if (n > 0)
        return CTL_OK;
    r = ctl_answer_one(c, &job_show_statement, &again, CTL_NOT_FOUND, "no job %lld: it has ended", (long long) id);
    return r != CTL_OK ? r : ctl_fail(CTL_REFUSED, "job %lld is in work now", (long long) id);
}

struct discard {
    struct ctl *c;
    int64_t id, token;
    const char *reason;
    char stage[16], subject[256];
    bool missing, refused;
    json_t *rows;
};

/* A new token first: whoever works on it can no longer record anything. */
static int64_t take(struct db *db, struct discard *d) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, d->id);
    int64_t n = db_run(db, &job_take_statement, &args, &rows);
    d->missing = n == 0;
    if (n <= 0)
        return n;
    (void) snprintf(d->stage, sizeof(d->stage), "%s", db_text(rows, 0, 0));
    (void) snprintf(d->subject, sizeof(d->subject), "%s", db_text(rows, 0, 2));
    d->token = db_int64(rows, 0, 1);
    return n;
}

/* The question ends without a verdict, so that its upload is decided as if the WHOIS server had not answered. */
static int64_t discard_ask(struct db *db, const struct discard *d) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    const struct ask_answer answer = {
        .domain = d->subject, .outcome = "unreachable", .detail = "discarded by an operator"};
    return ask_finish(db, &d->id, &d->token, 1, &answer, &rows);
}

static int64_t discard_send(struct db *db, const struct discard *d) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, d->id);
    db_add_text(&args, d->reason);
    return db_run(db, &job_discard_send_statement, &args, NULL);
}

/* Its daemon ends what it holds in an error, whoever worked on it before. */
static int64_t discard_mark(struct db *db, const struct discard *d) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, d->id);
    return db_run(db, &job_discard_mark_statement, &args, NULL);
}

static bool comes_round(const char *stage) {
    static const enum stage periodic[] = {STAGE_crl, STAGE_ocsp, STAGE_remind, STAGE_head};
    for (size_t i = 0; i < ARRAY_SIZE(periodic); i++)
        if (strcmp(stage, stage_name(periodic[i])) == 0)
            return true;
    return false;
}

static int discard(struct db *db, void *ctx) {
    struct discard *d = ctx;
    json_decref(d->rows);
    d->rows = NULL;
    int64_t n = take(db, d);
    if (n <= 0)
        return (int) n;
    bool ask = strcmp(d->stage, "ask") == 0, send = strcmp(d->stage, "send") == 0;
    d->refused = comes_round(d->stage);
    if (d->refused)
        return DB_FAILED; /* takes the new token back */
    n = ask ? discard_ask(db, d) : send ? discard_send(db, d) : discard_mark(db, d);
    if (n < 0)
        return (int) n;
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, d->id);
    db_add_text(&args, d->stage);
    db_add_text(&args, d->subject);
    db_add_text(&args, d->reason);
    db_add_text(&args, d->c->by);
    n = ctl_query(d->c, &job_discard_finish_statement, &args, &d->rows);
    return n < 0 ? (int) n : 0;
}

int job_discard_run(struct ctl *c) {
    struct discard d = {.c = c, .reason = ctl_option(c, "reason")};
    int r = ctl_id(ctl_argument(c, 0), &d.id);
    if (r == 0)
        r = ctl_check_text("reason", d.reason, 500);
    if (r != 0)
        return r;
    r = db_transaction(c->db, "job_discard", 0, discard, &d);
    if (r == 0 && !d.missing)
        c->result = json_incref(json_array_get(d.rows, 0));
    json_decref(d.rows);
    if (d.refused)
        return ctl_fail(CTL_REFUSED, "job %lld (%s) cannot be discarded: it is periodic and would come again. Retry it",
                        (long long) d.id, d.stage);
    if (r < 0)
        return ctl_database_failed(r);
    return d.missing ? ctl_fail(CTL_NOT_FOUND, "no job %lld: it has ended", (long long) d.id) : CTL_OK;
}
