/*
 * The stage sign, two commits a chunk. T1 states what is to be signed: permission, halt switch and policy are looked at under
 * lock, serials and to-be-signed bytes stored. Then exactly those bytes are signed. T2 ends the job, looks again, and records
 * certificates, links, notices and audit. No signed byte leaves the process before T2.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "chunk.h"
#include "lint.h"
#include "log.h"
#include "metrics.h"

struct signing {
    struct context *context;
    const struct job *job;
    const struct policy *policy;
    struct chunk chunk;
    bool done; /* the upload ended */
    int64_t send_job;
    int64_t recorded, failed;
};

/* Locks and looks whether anything may be signed at all. 0; -ECANCELED: halted; DB_RETRY: policy or issuer have changed. */
static int pass_gate(struct db *db, struct signing *s, struct signing_gate *gate) {
    int r = signing_gate(db, s->job->organisation, gate);
    if (r <= 0)
        return r < 0 ? r : DB_FAILED;
    if (gate->halted)
        return -ECANCELED;
    const struct signer *signer = s->context->state;
    if (gate->issuer != signer->issuer.id)
        return DB_RETRY;
    return memcmp(gate->policy, s->policy->hash, sizeof(gate->policy)) == 0 ? 0 : DB_RETRY;
}

/* ---- T1 */

static int store_intents(struct db *db, const struct chunk *chunk) {
    _cleanup_free_
    int64_t *applications = calloc(chunk->n + 1, sizeof(*applications));
    _cleanup_free_
    struct db_bytes *serials = calloc(chunk->n + 1, sizeof(*serials));
    _cleanup_free_
    struct db_bytes *tbs = calloc(chunk->n + 1, sizeof(*tbs));
    if (!applications || !serials || !tbs)
        return -ENOMEM;
    size_t n = 0;
    for (size_t i = 0; i < chunk->n; i++) {
        const struct signing_row *row = &chunk->rows[i];
        if (row->error != ERROR_NONE || (row->standing && !row->stale))
            continue;
        applications[n] = row->application;
        serials[n] = (struct db_bytes){row->content.serial, SERIAL_BYTES};
        tbs[n++] = (struct db_bytes){row->tbs.data, row->tbs.len};
    }
    int64_t stored = n > 0 ? signing_intents(db, chunk->issuer->id, LINT_NAME, applications, serials, tbs, n) : 0;
    if (stored < 0)
        return (int) stored;
    /* Somebody stated one since we looked: begin again and sign what stands. */
    return stored == (int64_t) n ? 0 : DB_RETRY;
}

static int void_where(struct db *db, const struct chunk *chunk, bool (*wanted)(const struct signing_row *row)) {
    _cleanup_free_
    int64_t *applications = calloc(chunk->n + 1, sizeof(*applications));
    size_t n = 0;
    if (!applications)
        return -ENOMEM;
    for (size_t i = 0; i < chunk->n; i++)
        if (wanted(&chunk->rows[i]))
            applications[n++] = chunk->rows[i].application;
    int64_t r = signing_void(db, applications, n);
    return r < 0 ? (int) r : 0;
}

static bool is_stale(const struct signing_row *row) {
    return row->standing && row->stale && row->error == ERROR_NONE;
}

static bool has_failed(const struct signing_row *row) {
    return row->ended != ERROR_NONE;
}

static int state_intents(struct db *db, void *ctx) {
    struct signing *s = ctx;
    struct signer *signer = s->context->state;
    struct signing_gate gate;
    chunk_done(&s->chunk);
    int r = job_hold(db, s->job);
    if (r <= 0)
        return r < 0 ? r : JOB_LOST;
    r = pass_gate(db, s, &gate);
    if (r < 0)
        return r;
    r = chunk_load(&s->chunk, db, s->job, &signer->issuer, s->policy);
    if (r < 0)
        return r;
    chunk_judge(&s->chunk, s->context->shared.pki_url, gate.now_usec);
    r = void_where(db, &s->chunk, is_stale);
    if (r < 0)
        return r;
    r = chunk_build(&s->chunk, signer->parallel, s->context->shared.pki_url, gate.now_usec);
    if (r < 0)
        return r;
    chunk_lint(&s->chunk, signer->parallel, s->context->shared.pki_url);
    return store_intents(db, &s->chunk);
}

/* ---- T2 */

static enum error why_left(const struct db_rows *left, int64_t application) {
    for (size_t k = 0; k < db_rows_count(left); k++)
        if (db_int64(left, k, SIGNING_ID) == application)
            return db_bool(left, k, SIGNING_STOPPED)   ? ERROR_CAMPAIGN_STOPPED
                   : db_bool(left, k, SIGNING_BLOCKED) ? ERROR_KEY_COMPROMISED
                                                       : ERROR_PERMISSION_WITHDRAWN;
    return ERROR_NONE;
}

static int record_signed(struct db *db, struct signing *s) {
    struct chunk *chunk = &s->chunk;
    _cleanup_free_
    int64_t *numbers = calloc(3 * chunk->n + 1, sizeof(*numbers));
    _cleanup_free_
    struct db_bytes *bytes = calloc(2 * chunk->n + 1, sizeof(*bytes));
    if (!numbers || !bytes)
        return -ENOMEM;
    int64_t *applications = numbers, *from = numbers + chunk->n, *to = from + chunk->n;
    struct db_bytes *serials = bytes, *ders = bytes + chunk->n;
    size_t n = 0;
    for (size_t i = 0; i < chunk->n; i++) {
        const struct signing_row *row = &chunk->rows[i];
        if (row->error != ERROR_NONE)
            continue;
        applications[n] = row->application;
        from[n] = row->content.not_before_usec;
        to[n] = row->content.not_after_usec;
        serials[n] = (struct db_bytes){row->content.serial, SERIAL_BYTES};
        ders[n++] = (struct db_bytes){row->der.data, row->der.len};
    }
    if (n == 0)
        return 0;
    _cleanup_rows_ struct db_rows *recorded = NULL;
    struct signing_result result = {applications, from, to, serials, ders, n};
    s->recorded = signing_record(db, s->job, chunk->issuer->id, s->policy->link_days, &result, &recorded);
    if (s->recorded < 0)
        return (int) s->recorded;
    if (s->recorded > 0)
        s->send_job = db_int64(recorded, 0, 1);
    if (s->recorded == (int64_t) n)
        return 0;
    /* What was not recorded and has no certificate lost its permission between T1 and T2. */
    _cleanup_rows_ struct db_rows *left = NULL;
    int64_t r = signing_load(db, s->job, chunk->issuer->id, &left);
    for (size_t i = 0; i < (r < 0 ? 0 : chunk->n); i++)
        if (chunk->rows[i].ended == ERROR_NONE)
            chunk->rows[i].ended = why_left(left, chunk->rows[i].application);
    return r < 0 ? (int) r : 0;
}

static int fail_rows(struct db *db, struct signing *s) {
    struct chunk *chunk = &s->chunk;
    _cleanup_free_
    int64_t *applications = calloc(chunk->n + 1, sizeof(*applications));
    _cleanup_free_
    char **errors = calloc(chunk->n + 1, sizeof(*errors));
    size_t n = 0;
    int r = applications && errors ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < chunk->n; i++) {
        if (!has_failed(&chunk->rows[i]))
            continue;
        /* What the lint found stands in the audit and in the database; the message does not show it. */
        const char *finding = chunk->rows[i].finding;
        json_t *error = error_json(chunk->rows[i].ended, 0, &finding, finding ? 1 : 0);
        errors[n] = error ? json_dumps(error, JSON_COMPACT) : NULL;
        json_decref(error);
        r = errors[n] ? 0 : -ENOMEM;
        applications[n++] = chunk->rows[i].application;
    }
    if (r == 0)
        r = (int) signing_fail(db, applications, (const char *const *) errors, n);
    for (size_t i = 0; errors && i < n; i++)
        free(errors[i]);
    s->failed = r < 0 ? 0 : r;
    return r < 0 ? r : void_where(db, chunk, has_failed);
}

static int record(struct db *db, void *ctx) {
    struct signing *s = ctx;
    struct signing_gate gate;
    s->recorded = s->failed = s->send_job = 0;
    for (size_t i = 0; i < s->chunk.n; i++)
        s->chunk.rows[i].ended = s->chunk.rows[i].error;
    int r = job_end(db, s->job);
    if (r <= 0)
        return r < 0 ? r : JOB_LOST;
    r = pass_gate(db, s, &gate);
    if (r < 0)
        return r;
    r = record_signed(db, s);
    if (r == 0)
        r = fail_rows(db, s);
    if (r < 0)
        return r;
    r = signing_progress(db, s->job->upload, s->failed, &s->done);
    return r < 0 ? r : 0;
}

static void count_results(struct signing *s) {
    metrics_add(METRIC_ROWS_OUT, stage_name(STAGE_sign), (double) (s->recorded + s->failed));
    for (size_t i = 0; i < s->chunk.n; i++)
        if (has_failed(&s->chunk.rows[i])) {
            char code[12];
            (void) snprintf(code, sizeof(code), "%d", error_code(s->chunk.rows[i].ended));
            metrics_add(METRIC_ERRORS, code, 1);
        }
    if (s->send_job > 0)
        bus_hint(s->context->bus, STAGE_send, s->send_job);
    if (s->done)
        log_info("upload %lld: done", (long long) s->job->upload);
}

static int finish(struct signing *s, int r) {
    if (r == 0)
        count_results(s);
    chunk_done(&s->chunk);
    /* Held by an operator, by the calendar, or by a token that is away. */
    return watch_result(s->context, s->job, r == -ERANGE ? -ECANCELED : r);
}

int sign_work(struct context *c, const struct job *job) {
    struct signer *signer = c->state;
    struct signing s = {.context = c, .job = job};
    int r = watch_look(c, &s.policy);
    if (r == 0)
        r = db_transaction(c->db, "state_intents", 0, state_intents, &s);
    if (r == 0) {
        metrics_add(METRIC_ROWS_IN, stage_name(STAGE_sign), (double) s.chunk.n);
        r = service_keep(c);
    }
    if (r == 0) {
        r = chunk_sign(&s.chunk, signer->parallel, c);
        if (r == 0)
            r = db_transaction(c->db, "record", 0, record, &s);
    }
    return finish(&s, r);
}

/* The rows by their ids alone: nothing is judged, so that neither a policy nor an issuer is wanted. */
static int give_up_rows(struct db *db, struct signing *s) {
    struct chunk *chunk = &s->chunk;
    int64_t n = signing_load(db, s->job, 0, &chunk->loaded);
    if (n <= 0)
        return (int) n;
    chunk->rows = calloc((size_t) n, sizeof(*chunk->rows));
    if (!chunk->rows)
        return -ENOMEM;
    chunk->n = (size_t) n;
    for (size_t i = 0; i < chunk->n; i++) {
        chunk->rows[i].application = db_int64(chunk->loaded, i, SIGNING_ID);
        chunk->rows[i].ended = s->job->discarded ? ERROR_DISCARDED : ERROR_ROW_BROKEN;
    }
    return fail_rows(db, s);
}

static int give_up(struct db *db, void *ctx) {
    struct signing *s = ctx;
    s->recorded = s->failed = s->send_job = 0;
    chunk_done(&s->chunk);
    int r = job_end(db, s->job);
    if (r <= 0)
        return r < 0 ? r : JOB_LOST;
    r = give_up_rows(db, s);
    if (r == 0)
        r = signing_progress(db, s->job->upload, s->failed, &s->done);
    return r < 0 ? r : 0;
}

int sign_poison(struct context *c, const struct job *job) {
    struct signing s = {.context = c, .job = job};
    return finish(&s, db_transaction(c->db, "give_up", 0, give_up, &s));
}
