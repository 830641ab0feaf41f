/*
 * The stage decide: one transaction for a whole upload. What the check could not know is looked at (doubles in the
 * file, names and keys used meanwhile, permissions as they are now, WHOIS), then the manual's two modes: 全件処理を中断する
 * refuses all if one row is bad, 入力値不備のないデータのみ登録する takes the good ones. Only here names and keys are reserved.
 */
#include "store/decide.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "findings.h"
#include "log.h"
#include "metrics.h"
#include "proto/tsv.h"
#include "validator.h"

#define NEXT_HINTS_MAX 8

struct decision {
    struct context *context;
    const struct job *job;
    const struct policy *policy; /* NULL: poison, nothing is judged */
    enum error file_error;       /* ERROR_NONE: none */
    /* set by the transaction */
    struct decide_scope scope;
    struct decide_counts counts;
    struct findings found;
    const char *state; /* NULL: there was nothing to decide */
    const struct tsv_format *format;
    enum stage next;           /* what accepted rows go on to */
    int64_t jobs, job_of_next; /* of that stage; none: accepted rows end here */
};

/* Errors of the rows that only the whole file, the register of this moment and WHOIS show. */
static int judge_rows(struct db *db, struct decision *d) {
    struct findings *found = &d->found;
    found->kind = d->scope.kind;
    int r = findings_doubles(found, db, d->job->upload);
    if (r == 0)
        r = findings_seen(found, db, d->job->upload);
    if (r == 0 && d->format->deed == TSV_MANAGER)
        r = findings_revoked(found, db, d->job->upload);
    if (r == 0)
        r = findings_domains(found, db, d->job->upload, d->policy->whois_check, d->context->shared.whois_cache_usec);
    if (r == 0)
        r = findings_store(found, db);
    if (r == 0 && !d->scope.same_policy)
        r = findings_of_all(found, db, d->job->upload, ERROR_POLICY_CHANGED);
    if (r == 0 && d->scope.expired && tsv_is_request(d->format->deed))
        r = findings_of_all(found, db, d->job->upload, ERROR_ISSUING_EXPIRED);
    return r;
}

/*
 * The names and keys of the good rows. One that is gone was taken since it was looked at: by a transaction that has
 * committed by now, so that the decision begun again sees it and the row gets its error.
 */
static int reserve(struct db *db, const struct decision *d) {
    int64_t names = decide_reserve_names(db, d->job->upload);
    if (names < 0)
        return (int) names;
    int64_t keys = decide_reserve_keys(db, d->job->upload);
    if (keys < 0)
        return (int) keys;
    return names == d->counts.valid && keys == d->counts.valid ? 0 : DB_RETRY;
}

/* Nothing is left to do after it: no certificate is touched. */
static int accept_managers(struct db *db, const struct decision *d) {
    int64_t changed = decide_managers(db, d->job->upload);
    return changed < 0 ? (int) changed : changed == d->counts.valid ? 0 : DB_FAILED;
}

static int accept(struct db *db, struct decision *d) {
    if (d->format->deed == TSV_MANAGER)
        return accept_managers(db, d);
    int r = d->next == STAGE_sign ? reserve(db, d) : 0;
    if (r < 0)
        return r;
    int lines = job_chunk_lines((int) d->counts.valid, d->context->lanes, (int) d->context->shared.chunk_max);
    d->jobs = decide_jobs(db, d->job->upload, d->scope.organisation, d->next, lines, &d->job_of_next);
    return d->jobs < 0 ? (int) d->jobs : 0;
}

static const char *outcome(const struct decision *d) {
    if (d->scope.dry_run)
        return "done";
    if (d->file_error != ERROR_NONE || d->counts.valid == 0)
        return "rejected";
    return d->scope.skip || d->counts.bad == 0 ? "accepted" : "rejected";
}

static char *file_errors(const struct decision *d) {
    if (d->file_error == ERROR_NONE)
        return strdup("[]");
    json_t *list = json_array();
    char *text = NULL;
    if (list && json_array_append_new(list, error_json(d->file_error, 0, NULL, 0)) == 0)
        text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    return text;
}

static int finish(struct db *db, struct decision *d) {
    static const struct {
        const char *state, *audit;
    } audits[] = {{"accepted", "upload_accepted"}, {"rejected", "upload_rejected"}, {"done", "dry_run_ended"}};
    _cleanup_free_
    char *errors = file_errors(d);
    _cleanup_buf_ struct buf detail = {0};
    const char *audit = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(audits); i++)
        if (strcmp(audits[i].state, d->state) == 0)
            audit = audits[i].audit;
    buf_printf(&detail, "{\"rows\": %lld, \"valid\": %lld, \"bad\": %lld, \"errors\": %s}", (long long) d->counts.rows,
               (long long) d->counts.valid, (long long) d->counts.bad, errors ? errors : "");
    if (!errors || detail.failed)
        return -ENOMEM;
    bool ends = strcmp(d->state, "accepted") == 0 && d->jobs == 0;
    int64_t r = decide_finish(db, d->job->upload, ends ? "done" : d->state, errors, &d->counts, d->jobs);
    if (r >= 0)
        r = decide_audit(db, d->job->upload, audit, buf_string(&detail), !d->scope.dry_run);
    return r < 0 ? (int) r : 0;
}

static int decide(struct db *db, void *ctx) {
    struct decision *d = ctx;
    d->state = NULL;
    d->jobs = d->job_of_next = 0;
    findings_done(&d->found);
    int r = job_end(db, d->job);
    if (r <= 0)
        return r < 0 ? r : JOB_LOST;
    r = decide_scope(db, d->job->upload, d->policy ? d->policy->hash : NULL, d->policy ? POLICY_HASH_BYTES : 0,
                     &d->scope);
    if (r <= 0 || !d->scope.checking)
        return r < 0 ? r : 0;
    d->format = tsv_format(d->scope.kind);
    if (!d->format)
        return -EINVAL;
    d->next = d->format->deed == TSV_REVOKE ? STAGE_revoke : STAGE_sign;
    if (d->policy) {
        d->file_error = d->scope.active ? ERROR_NONE : ERROR_ORGANISATION_INACTIVE;
        r = judge_rows(db, d);
        if (r < 0)
            return r;
    }
    r = decide_counts(db, d->job->upload, &d->counts);
    if (r < 0)
        return r;
    d->state = outcome(d);
    if (strcmp(d->state, "accepted") == 0)
        r = accept(db, d);
    else if (strcmp(d->state, "rejected") == 0)
        r = (int) decide_refuse(db, d->job->upload);
    return r < 0 ? r : finish(db, d);
}

static int run(struct decision *d) {
    int r = db_transaction(d->context->db, "decide", 0, decide, d);
    if (r == 0 && d->state)
        findings_count(&d->found);
    findings_done(&d->found);
    if (r != 0 || !d->state)
        return r;
    metrics_add(METRIC_ROWS_OUT, stage_name(STAGE_decide), (double) d->counts.rows);
    log_info("upload %lld: %s, %lld of %lld rows without errors", (long long) d->job->upload, d->state,
             (long long) (d->counts.rows - d->counts.bad), (long long) d->counts.rows);
    for (int64_t i = 0; i < d->jobs && i < NEXT_HINTS_MAX; i++)
        bus_hint(d->context->bus, d->next, d->job_of_next);
    return 0;
}

int decide_work(struct context *c, const struct job *job) {
    struct decision d = {.context = c, .job = job};
    int r = validator_policy(c, job, &d.policy);
    return r <= 0 ? r : run(&d);
}

int decide_poison(struct context *c, const struct job *job) {
    struct decision d = {.context = c, .job = job, .file_error = job->discarded ? ERROR_DISCARDED : ERROR_ROW_BROKEN};
    return run(&d);
}
