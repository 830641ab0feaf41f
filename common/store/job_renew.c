#include "store/job.h"

const struct statement job_renew_statement = {"job_renew", 3,
                                              "UPDATE job SET due = clock_timestamp() + $3::bigint * interval '1 "
                                              "microsecond' WHERE id = $1::bigint AND token = $2::bigint"};

int job_renew(struct db *db, const struct job *job, int64_t lease_usec) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, job->id);
    db_add_int64(&args, job->token);
    db_add_int64(&args, lease_usec);
    return (int) db_run(db, &job_renew_statement, &args, NULL);
}
