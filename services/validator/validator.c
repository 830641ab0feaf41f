#include "validator.h"

#include <errno.h>

#include "base/clock.h"
#include "log.h"

#define NO_POLICY_DELAY_USEC (10 * USEC_PER_SEC)

int validator_policy(struct context *c, const struct job *job, const struct policy **ret) {
    struct validator *v = c->state;
    int r = service_policy(c, c->db, ret);
    bool missing = r == -ENOENT || r == -EINVAL;
    atomic_store(&v->no_policy, missing);
    if (!missing)
        return r < 0 ? r : 1;
    log_error("job %lld (%s): waits, no policy is in force (inkanctl policy load)", (long long) job->id,
              stage_name(job->stage));
    r = job_release(c->db, job, NO_POLICY_DELAY_USEC, JOB_WAITS);
    return r < 0 ? r : 0;
}
