#include "store/ask.h"

const struct statement ask_reuse_statement = {
    "ask_reuse", 4, "SELECT ended_job, decide_job FROM ask_reuse($1::bigint, $2::bigint, $3::text, $4::bigint)"};

int64_t ask_reuse(struct db *db, const struct job *job, int64_t cache_usec, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, job->id);
    db_add_int64(&args, job->token);
    db_add_text(&args, job->subject);
    db_add_int64(&args, cache_usec);
    return db_run(db, &ask_reuse_statement, &args, ret);
}
