#include "store/job.h"

const struct statement job_again_statement = {"job_again", 3,
                                              "UPDATE job SET due = clock_timestamp() + $3::bigint * interval '1 "
                                              "second', attempt = 0, token = NULL, worker = NULL, failing = NULL"
                                              " WHERE id = $1::bigint AND token = $2::bigint"};

int job_again(struct db *db, const struct job *job, int64_t interval_sec) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, job->id);
    db_add_int64(&args, job->token);
    db_add_int64(&args, interval_sec);
    return (int) db_run(db, &job_again_statement, &args, NULL);
}
