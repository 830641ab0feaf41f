/*
 * The stage revoke, for the rows of revocation files (campaign.c has those of campaigns): one transaction a chunk. Nothing is signed here; the CRLs that must list the certificates become due by it.
 * A halt does not hold it: revoking is what one does while issuing is stopped.
 */
#include "store/revoking.h"

#include <errno.h>

#include "base/clock.h"
#include "log.h"
#include "metrics.h"
#include "proto/errors.h"
#include "proto/tsv.h"
#include "signer.h"
#include "store/signing.h"

struct revoking {
    struct context *context;
    const struct job *job;
    bool poison; /* nothing is revoked any more */
    int64_t revoked, failed, send_job;
    bool done; /* the upload ended */
};

static char *why_not(const struct revoking *v, const struct db_rows *rows, size_t i) {
    char when[CLOCK_TEXT_MAX];
    bool other = !v->poison && !db_is_null(rows, i, 1);
    const char *args[] = {clock_jst(db_time(rows, i, 1), when)};
    json_t *error =
        other ? error_json(ERROR_ALREADY_REVOKED, tsv_column_of(tsv_format("server-revoke"), TSV_FIELD_SERIAL), args, 1)
              : error_json(v->job->discarded ? ERROR_DISCARDED : ERROR_ROW_BROKEN, 0, NULL, 0);
    char *text = error ? json_dumps(error, JSON_COMPACT) : NULL;
    json_decref(error);
    return text;
}

/* What revoked nothing was revoked by another file meanwhile. */
static int fail_rows(struct db *db, struct revoking *v) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = revoking_left(db, v->job, &rows);
    if (n <= 0)
        return (int) n;
    _cleanup_free_
    int64_t *applications = calloc((size_t) n, sizeof(*applications));
    _cleanup_free_
    char **errors = calloc((size_t) n, sizeof(*errors));
    int64_t r = applications && errors ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < (size_t) n; i++) {
        applications[i] = db_int64(rows, i, 0);
        errors[i] = why_not(v, rows, i);
        r = errors[i] ? 0 : -ENOMEM;
    }
    if (r == 0)
        r = signing_fail(db, applications, (const char *const *) errors, (size_t) n);
    for (size_t i = 0; errors && i < (size_t) n; i++)
        free(errors[i]);
    v->failed = r < 0 ? 0 : r;
    return r < 0 ? (int) r : 0;
}

static int revoke_chunk(struct db *db, void *ctx) {
    struct revoking *v = ctx;
    v->revoked = v->failed = v->send_job = 0;
    int r = job_end(db, v->job);
    if (r <= 0)
        return r < 0 ? r : JOB_LOST;
    if (!v->poison)
        v->revoked = revoking_record(db, v->job, &v->send_job);
    if (v->revoked < 0)
        return (int) v->revoked;
    r = fail_rows(db, v);
    if (r == 0)
        r = signing_progress(db, v->job->upload, v->failed, &v->done);
    return r < 0 ? r : 0;
}

static int run(struct revoking *v) {
    int r = db_transaction(v->context->db, "revoke", 0, revoke_chunk, v);
    if (r != 0)
        return r;
    metrics_add(METRIC_ROWS_IN, stage_name(STAGE_revoke), (double) (v->revoked + v->failed));
    metrics_add(METRIC_ROWS_OUT, stage_name(STAGE_revoke), (double) (v->revoked + v->failed));
    if (v->send_job > 0)
        bus_hint(v->context->bus, STAGE_send, v->send_job);
    log_info("upload %lld: %lld revoked, %lld not%s", (long long) v->job->upload, (long long) v->revoked,
             (long long) v->failed, v->done ? ", done" : "");
    return 0;
}

int revoke_work(struct context *c, const struct job *job) {
    return job->campaign ? campaign_work(c, job, false) : run(&(struct revoking){.context = c, .job = job});
}

int revoke_poison(struct context *c, const struct job *job) {
    return job->campaign ? campaign_work(c, job, true)
                         : run(&(struct revoking){.context = c, .job = job, .poison = true});
}
