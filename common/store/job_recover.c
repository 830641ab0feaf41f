#include "store/job.h"

/* The stages narrow it to the index; the attempt stands: an instance that dies over a job again and again meets poison. */
const struct statement job_recover_statement = {
    "job_recover", 1,
    "UPDATE job SET due = clock_timestamp(), token = NULL WHERE worker = $1::text AND token IS NOT NULL"};

int64_t job_recover(struct db *db, const char *worker) {
    _cleanup_args_ struct db_args args = {0};
    db_add_text(&args, worker);
    return db_run(db, &job_recover_statement, &args, NULL);
}
