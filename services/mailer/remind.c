/* The stage remind: reminders that are due become notices of the outbox, many in one transaction. */
#include "store/remind.h"

#include "log.h"
#include "mailer.h"
#include "metrics.h"

#define LOOK_SEC 30
#define REMINDERS_MAX 500 /* of one transaction; more come round at once */

struct reminding {
    const struct job *job;
    const struct policy *policy;
    int64_t taken, send_job;
};

static int remind(struct db *db, void *ctx) {
    struct reminding *m = ctx;
    int r = job_hold(db, m->job);
    if (r <= 0)
        return r < 0 ? r : JOB_LOST;
    m->taken =
        remind_due(db, REMINDERS_MAX, m->policy->expiry_days, (size_t) m->policy->expiry_days_count, &m->send_job);
    if (m->taken < 0)
        return (int) m->taken;
    r = job_again(db, m->job, m->taken == REMINDERS_MAX ? 0 : LOOK_SEC);
    return r < 0 ? r : r == 0 ? JOB_LOST : 0;
}

int remind_work(struct context *c, const struct job *job) {
    struct reminding m = {.job = job};
    int r = service_policy(c, c->db, &m.policy);
    if (r == 0)
        r = db_transaction(c->db, "remind", 0, remind, &m);
    if (r == 0 && m.taken > 0) {
        metrics_add(METRIC_ROWS_OUT, stage_name(STAGE_remind), (double) m.taken);
        log_info("%lld reminders were due", (long long) m.taken);
    }
    return r;
}

int remind_fire(struct context *c) {
    return mailer_jobs(c->db);
}
