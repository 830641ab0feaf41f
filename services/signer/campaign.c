/*
 * The stage revoke, for the items of a campaign: one transaction a chunk. The database refuses to revoke what the campaign does
 * not name. A halt does not hold it.
 */
#include "store/campaign.h"

#include <errno.h>

#include "log.h"
#include "metrics.h"
#include "proto/errors.h"
#include "signer.h"

struct campaign_chunk {
    struct context *context;
    const struct job *job;
    bool poison; /* nothing is revoked any more */
    int64_t revoked, failed, send_job, tell_job;
    bool ended; /* the campaign's last chunk */
};

static int64_t fail_items(struct db *db, const struct job *job) {
    json_t *error = error_json(job->discarded ? ERROR_DISCARDED : ERROR_ROW_BROKEN, 0, NULL, 0);
    _cleanup_free_
    char *text = error ? json_dumps(error, JSON_COMPACT) : NULL;
    json_decref(error);
    return text ? campaign_fail(db, job, text) : -ENOMEM;
}

static int revoke_chunk(struct db *db, void *ctx) {
    struct campaign_chunk *k = ctx;
    k->revoked = k->failed = k->send_job = k->tell_job = 0;
    int r = job_end(db, k->job);
    if (r <= 0)
        return r < 0 ? r : JOB_LOST;
    if (k->poison)
        k->failed = fail_items(db, k->job);
    else
        k->revoked = campaign_record(db, k->job, &k->send_job);
    if (k->failed < 0 || k->revoked < 0)
        return (int) (k->failed < 0 ? k->failed : k->revoked);
    r = campaign_progress(db, k->job, &k->tell_job, &k->ended);
    return r < 0 ? r : 0;
}

int campaign_work(struct context *c, const struct job *job, bool poison) {
    struct campaign_chunk k = {.context = c, .job = job, .poison = poison};
    int r = db_transaction(c->db, "campaign", 0, revoke_chunk, &k);
    if (r != 0)
        return r;
    double items = (double) (job->seq_to - job->seq_from + 1);
    metrics_add(METRIC_ROWS_IN, stage_name(STAGE_revoke), items);
    metrics_add(METRIC_ROWS_OUT, stage_name(STAGE_revoke), items);
    if (k.send_job > 0)
        bus_hint(c->bus, STAGE_send, k.send_job);
    if (k.tell_job > 0)
        bus_hint(c->bus, STAGE_send, k.tell_job);
    log_debug("campaign %lld: items %d to %d, %lld revoked, %lld failed", (long long) job->campaign, job->seq_from,
              job->seq_to, (long long) k.revoked, (long long) k.failed);
    if (k.ended)
        log_info("campaign %lld: done", (long long) job->campaign);
    return 0;
}
