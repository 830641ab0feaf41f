#include "store/job.h"

const struct statement job_end_statement = {"job_end", 2,
                                            "DELETE FROM job WHERE id = $1::bigint AND token = $2::bigint"};

int job_end(struct db *db, const struct job *job) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, job->id);
    db_add_int64(&args, job->token);
    return (int) db_run(db, &job_end_statement, &args, NULL);
}
