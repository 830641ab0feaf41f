#include "store/job.h"

const struct statement job_hold_statement = {
    "job_hold", 2, "SELECT 1 FROM job WHERE id = $1::bigint AND token = $2::bigint FOR SHARE"};

int job_hold(struct db *db, const struct job *job) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, job->id);
    db_add_int64(&args, job->token);
    return (int) db_run(db, &job_hold_statement, &args, &rows);
}
