/*
 * The stage send: the notices of one job. Only what is sealed leaves the house; tokens' hashes are stored before a mail with
 * the token is offered; results are recorded every few dozen mails, so that a crash repeats little, and what it repeats is
 * the same mail with the same Message-ID.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "log.h"
#include "mailer.h"
#include "metrics.h"

#define BATCH_MAILS 50
#define UNSEALED_DELAY_USEC (200 * USEC_PER_MSEC)

struct batch {
    struct context *context;
    const struct job *job;
    const struct db_rows *rows;
    size_t first, n;
    bool last;
    struct buf bytes[BATCH_MAILS];
    int composed[BATCH_MAILS]; /* 0 or why there is no mail */
    struct smtp_mail mails[BATCH_MAILS];
    const char *states[BATCH_MAILS]; /* what to record; NULL: nothing was tried */
};

/* ---- links */

static int store_tokens(struct context *c, const struct db_rows *rows) {
    const struct mailer *m = c->state;
    const struct policy *policy;
    int known = service_policy(c, c->db, &policy);
    if (known < 0)
        return known;
    size_t count = db_rows_count(rows), n = 0;
    _cleanup_free_
    int64_t *links = calloc(count + 1, sizeof(*links));
    _cleanup_free_
    uint8_t(*hashes)[TOKEN_BYTES] = calloc(count + 1, sizeof(*hashes));
    _cleanup_free_
    struct db_bytes *bytes = calloc(count + 1, sizeof(*bytes));
    if (!links || !hashes || !bytes)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        uint8_t token[TOKEN_BYTES];
        if (!compose_carries_link(rows, i))
            continue;
        links[n] = db_int64(rows, i, NOTICE_LINK);
        token_make(&m->link_key, links[n], (int32_t) db_int64(rows, i, NOTICE_GENERATION), token);
        token_hash(token, hashes[n]);
        bytes[n] = (struct db_bytes){hashes[n], TOKEN_BYTES};
        n++;
    }
    int64_t r = notice_tokens(c->db, links, bytes, n, policy->link_remind_days, policy->link_lapsed_days);
    return r < 0 ? (int) r : 0;
}

/* ---- one batch */

static void compose_one(void *ctx, size_t i) {
    struct batch *b = ctx;
    const struct mailer *m = b->context->state;
    buf_reset(&b->bytes[i]);
    b->composed[i] = compose(&m->composer, b->rows, b->first + i, &b->bytes[i]);
}

static int keep(void *ctx) {
    return service_keep(ctx);
}

static bool is_hopeless(int composed) {
    return composed == -ESTALE || composed == -EINVAL || composed == -EILSEQ;
}

/* Offers those that could be composed; the others have their state at once. */
static void offer(struct batch *b) {
    struct mailer *m = b->context->state;
    struct smtp_mail offered[BATCH_MAILS];
    size_t index[BATCH_MAILS], n = 0;
    parallel_for(m->parallel, b->n, compose_one, b);
    for (size_t i = 0; i < b->n; i++) {
        if (b->composed[i] == 0) {
            index[n] = i;
            offered[n++] =
                (struct smtp_mail){.to = db_text(b->rows, b->first + i, NOTICE_RECIPIENT), .bytes = &b->bytes[i]};
            continue;
        }
        /* Without memory or a signature now, it is tried again. */
        b->states[i] = is_hopeless(b->composed[i]) ? "failed" : NULL;
        (void) snprintf(b->mails[i].reply, sizeof(b->mails[i].reply), "%s",
                        b->composed[i] == -ESTALE ? "not sent: its link is no longer open"
                                                  : "not sent: no mail can be made of it");
    }
    smtp_send(m->smtp, offered, n, keep, b->context);
    for (size_t k = 0; k < n; k++) {
        size_t i = index[k];
        b->mails[i] = offered[k];
        b->states[i] = offered[k].outcome == SMTP_SENT      ? "sent"
                       : offered[k].outcome == SMTP_REFUSED ? "failed"
                       : offered[k].outcome == SMTP_LATER   ? "queued"
                                                            : NULL;
    }
}

/* Too old to be tried for ever. */
static void give_up_old(struct batch *b) {
    const struct mailer *m = b->context->state;
    for (size_t i = 0; i < b->n; i++)
        if (b->states[i] && strcmp(b->states[i], "queued") == 0 &&
            clock_realtime_usec() - db_time(b->rows, b->first + i, NOTICE_DATED) > m->give_up_usec)
            b->states[i] = "failed";
}

static int64_t retry_delay(const struct batch *b) {
    const struct mailer *m = b->context->state;
    int64_t attempts = db_int64(b->rows, b->first, NOTICE_ATTEMPTS), delay = m->retry_min_usec;
    while (attempts-- > 0 && delay < m->retry_max_usec)
        delay *= 2;
    if (delay > m->retry_max_usec)
        delay = m->retry_max_usec;
    /* Up to a quarter more, so that what failed together does not come back together. */
    return delay + clock_monotonic_usec() % (delay / 4 + 1);
}

static int postpone(struct db *db, const struct batch *b) {
    int64_t later[BATCH_MAILS];
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        if (!b->states[i] || strcmp(b->states[i], "queued") == 0)
            later[n++] = db_int64(b->rows, b->first + i, NOTICE_ID);
    if (n == 0)
        return 0;
    int64_t job = notice_later(db, b->job->organisation, retry_delay(b));
    int64_t r = job < 0 ? job : notice_move(db, job, later, n);
    return r < 0 ? (int) r : 0;
}

static int record(struct db *db, void *ctx) {
    const struct batch *b = ctx;
    int64_t ids[BATCH_MAILS];
    const char *states[BATCH_MAILS], *replies[BATCH_MAILS];
    size_t n = 0;
    int r = b->last ? job_end(db, b->job) : job_renew(db, b->job, b->context->shared.lease_usec);
    if (r <= 0)
        return r < 0 ? r : JOB_LOST;
    for (size_t i = 0; i < b->n; i++) {
        if (!b->states[i])
            continue;
        ids[n] = db_int64(b->rows, b->first + i, NOTICE_ID);
        states[n] = b->states[i];
        replies[n++] = b->mails[i].reply;
    }
    int64_t recorded = notice_record(db, ids, states, replies, n);
    return recorded < 0 ? (int) recorded : postpone(db, b);
}

static void count(const struct batch *b) {
    for (size_t i = 0; i < b->n; i++) {
        const char *state = b->states[i];
        bool later = !state || strcmp(state, "queued") == 0;
        metrics_add(METRIC_MAILS, later ? "deferred" : state, 1);
        if (!later)
            metrics_add(METRIC_ROWS_OUT, stage_name(STAGE_send), 1);
        if (state && strcmp(state, "failed") == 0)
            log_warning("notice %lld: given up: %s", (long long) db_int64(b->rows, b->first + i, NOTICE_ID),
                        b->mails[i].reply);
    }
}

static int send_batches(struct context *c, const struct job *job, const struct db_rows *rows) {
    size_t count_rows = db_rows_count(rows);
    struct batch *b = calloc(1, sizeof(*b));
    int r = b ? 0 : -ENOMEM;
    for (size_t first = 0; r == 0 && first < count_rows; first += BATCH_MAILS) {
        b->context = c;
        b->job = job;
        b->rows = rows;
        b->first = first;
        b->n = count_rows - first < BATCH_MAILS ? count_rows - first : BATCH_MAILS;
        b->last = first + b->n == count_rows;
        offer(b);
        give_up_old(b);
        r = db_transaction(c->db, "mails", 0, record, b);
        if (r == 0)
            count(b);
    }
    for (size_t i = 0; b && i < BATCH_MAILS; i++)
        buf_done(&b->bytes[i]);
    free(b);
    return r;
}

static bool all_sealed(const struct db_rows *rows) {
    for (size_t i = 0; i < db_rows_count(rows); i++)
        if (!db_bool(rows, i, NOTICE_SEALED))
            return false;
    return true;
}

int send_work(struct context *c, const struct job *job) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = notice_load(c->db, job, &rows);
    if (n < 0)
        return (int) n;
    if (n > 0 && !all_sealed(rows)) {
        int r = job_release(c->db, job, UNSEALED_DELAY_USEC, JOB_WAITS);
        return r < 0 ? r : 0;
    }
    if (n == 0) {
        int r = job_end(c->db, job);
        return r < 0 ? r : r == 0 ? JOB_LOST : 0;
    }
    metrics_add(METRIC_ROWS_IN, stage_name(STAGE_send), (double) n);
    int r = store_tokens(c, rows);
    return r < 0 ? r : send_batches(c, job, rows);
}

static int fail_all(struct db *db, void *ctx) {
    struct batch *b = ctx;
    int r = job_end(db, b->job);
    if (r <= 0)
        return r < 0 ? r : JOB_LOST;
    for (size_t i = 0; i < db_rows_count(b->rows); i++) {
        int64_t id = db_int64(b->rows, i, NOTICE_ID);
        int64_t recorded =
            notice_record(db, &id, (const char *const[]){"failed"}, (const char *const[]){"internal"}, 1);
        if (recorded < 0)
            return (int) recorded;
    }
    return 0;
}

/* A job of several notices goes on one by one; a single one that still fails is given up. */
static int take_apart(struct db *db, void *ctx) {
    struct batch *b = ctx;
    int r = job_end(db, b->job);
    if (r <= 0)
        return r < 0 ? r : JOB_LOST;
    for (size_t i = 0; i < db_rows_count(b->rows); i++) {
        int64_t id = db_int64(b->rows, i, NOTICE_ID), job = notice_later(db, b->job->organisation, 0);
        int64_t moved = job < 0 ? job : notice_move(db, job, &id, 1);
        if (moved < 0)
            return (int) moved;
    }
    return 0;
}

int send_poison(struct context *c, const struct job *job) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = notice_load(c->db, job, &rows);
    if (n < 0)
        return (int) n;
    struct batch *b = calloc(1, sizeof(*b));
    if (!b)
        return -ENOMEM;
    b->job = job;
    b->rows = rows;
    int r = db_transaction(c->db, "mail poison", 0, n > 1 ? take_apart : fail_all, b);
    free(b);
    return r;
}
