#include "store/check.h"

const struct statement check_decide_statement = {
    "check_decide", 2,
    "INSERT INTO job (stage, turn, organisation, upload)"
    " VALUES ('decide', job_turn('decide', $2::bigint), $2::bigint, $1::bigint) RETURNING id"};

int check_decide(struct db *db, int64_t upload, int64_t organisation, int64_t *ret_job) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, upload);
    db_add_int64(&args, organisation);
    int64_t n = db_run(db, &check_decide_statement, &args, &rows);
    if (n > 0)
        *ret_job = db_int64(rows, 0, 0);
    return (int) n;
}
