#include "store/job.h"

const struct statement job_release_statement = {
    "job_release", 5,
    "UPDATE job SET due = clock_timestamp() + $3::bigint * interval '1 microsecond', worker = NULL, token = NULL,"
    "               attempt = CASE WHEN $4::boolean THEN attempt ELSE 0 END,"
    "               failing = CASE WHEN $5::boolean THEN COALESCE(failing, clock_timestamp()) END"
    " WHERE id = $1::bigint AND token = $2::bigint"};

int job_release(struct db *db, const struct job *job, int64_t delay_usec, enum job_why why) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, job->id);
    db_add_int64(&args, job->token);
    db_add_int64(&args, delay_usec);
    db_add_bool(&args, why == JOB_FAILED);
    db_add_bool(&args, why != JOB_WAITS);
    return (int) db_run(db, &job_release_statement, &args, NULL);
}
