#include "store/remind.h"

const struct statement mailer_jobs_statement = {
    "mailer_jobs", 0,
    "INSERT INTO job (stage, subject) VALUES ('remind', 'due'), ('head', 'daily') ON CONFLICT DO NOTHING"};

int mailer_jobs(struct db *db) {
    int64_t n = db_run(db, &mailer_jobs_statement, NULL, NULL);
    return n < 0 ? (int) n : 0;
}
