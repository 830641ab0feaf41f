/* The stage head: once a day, after midnight UTC. What was done before a crash is done again and is the same. */
#include "head.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "log.h"
#include "mailer.h"
#include "metrics.h"
#include "store/audit_seal.h"

#define NOTHING_SEALED_SEC 60
#define RECIPIENTS_MAX 16

struct keeping {
    const struct job *job;
    const struct head *head;
    int mailed;
};

static int64_t until_midnight_sec(int64_t now_usec) {
    return SEC_PER_DAY - now_usec / USEC_PER_SEC % SEC_PER_DAY;
}

static int record(struct db *db, void *ctx) {
    const struct keeping *k = ctx;
    int r = job_again(db, k->job, until_midnight_sec(k->head->now_usec));
    if (r <= 0)
        return r < 0 ? r : JOB_LOST;
    r = head_kept(db, k->head->number, k->head->text, k->mailed);
    return r < 0 ? r : 0;
}

static int keep(void *ctx) {
    return service_keep(ctx);
}

/* How many recipients have it; negative when it must be tried again. */
static int mail(struct context *c, const struct head *head) {
    struct mailer *m = c->state;
    struct buf bytes[RECIPIENTS_MAX] = {0};
    struct smtp_mail mails[RECIPIENTS_MAX];
    char list[1001];
    size_t n = 0;
    int r = 0, sent = 0;
    (void) snprintf(list, sizeof(list), "%s", m->head_to);
    for (char *at = list, *to; r == 0 && n < RECIPIENTS_MAX && (to = strtok_r(at, " ", &at)) != NULL; n++) {
        r = compose_head(&m->composer, head, to, &bytes[n]);
        mails[n] = (struct smtp_mail){.to = to, .bytes = &bytes[n]};
    }
    if (r == 0)
        smtp_send(m->smtp, mails, n, keep, c);
    for (size_t i = 0; i < n; i++) {
        if (r == 0 && mails[i].outcome == SMTP_REFUSED)
            log_error("the audit's head: %s: refused: %s", mails[i].to, mails[i].reply);
        sent += r == 0 && mails[i].outcome == SMTP_SENT;
        if (r == 0 && mails[i].outcome != SMTP_SENT && mails[i].outcome != SMTP_REFUSED)
            r = -EAGAIN;
        buf_done(&bytes[i]);
    }
    return r < 0 ? r : sent;
}

int head_work(struct context *c, const struct job *job) {
    struct mailer *m = c->state;
    struct seal seal;
    struct head head;
    int64_t now_usec = 0;
    int r = seal_last(c->db, &seal, &now_usec);
    if (r <= 0) {
        r = r < 0 ? r : job_again(c->db, job, NOTHING_SEALED_SEC);
        return r < 0 ? r : 0;
    }
    r = head_make(&head, &seal, now_usec);
    if (r < 0)
        return r;
    r = head_keep(&head, m->head_file);
    if (r < 0) {
        log_error("the audit's head: mailer.head_file %s: %s", m->head_file, strerror(-r));
        r = job_release(c->db, job, m->retry_min_usec, JOB_HAPLESS);
        return r < 0 ? r : 0;
    }
    struct keeping k = {.job = job, .head = &head, .mailed = mail(c, &head)};
    if (k.mailed < 0) { /* those who have it already will have it twice: not too often */
        r = job_release(c->db, job, m->retry_max_usec, JOB_HAPLESS);
        return r < 0 ? r : 0;
    }
    r = db_transaction(c->db, "head", 0, record, &k);
    if (r == 0) {
        metrics_add(METRIC_ROWS_OUT, stage_name(STAGE_head), 1);
        log_info("the audit's head: %s", head.text);
    }
    return r;
}
