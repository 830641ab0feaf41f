#include "store/remind.h"

const struct statement remind_job_statement = {
    "remind_job", 0, "INSERT INTO job (stage, subject) VALUES ('remind', 'due') ON CONFLICT DO NOTHING"};

int remind_job(struct db *db) {
    int64_t n = db_run(db, &remind_job_statement, NULL, NULL);
    return n < 0 ? (int) n : 0;
}
