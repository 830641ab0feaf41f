#include "store/ask.h"

const struct statement ask_finish_statement = {
    "ask_finish", 9,
    "SELECT ended_job, decide_job FROM ask_finish($1::bigint[], $2::bigint[], $3::text, $4::text, $5::text, $6::text,"
    "                                             $7::text, $8::text, $9::text)"};

int64_t ask_finish(struct db *db, const int64_t *jobs, const int64_t *tokens, size_t n, const struct ask_answer *answer,
                   struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64_array(&args, jobs, n);
    db_add_int64_array(&args, tokens, n);
    db_add_text(&args, answer->domain);
    db_add_text(&args, answer->outcome);
    db_add_text(&args, answer->registrant_ja);
    db_add_text(&args, answer->registrant_en);
    db_add_text(&args, answer->status);
    db_add_text(&args, answer->server);
    db_add_text(&args, answer->detail);
    return db_run(db, &ask_finish_statement, &args, ret);
}

int64_t ask_ended_job(const struct db_rows *rows, size_t row) {
    return db_int64(rows, row, 0);
}

int64_t ask_decide_job(const struct db_rows *rows, size_t row) {
    return db_int64(rows, row, 1);
}
