#include "store/notice.h"

const struct statement notice_move_statement = {
    "notice_move", 2, "UPDATE notice SET job = $1::bigint WHERE id = ANY ($2::bigint[]) AND state = 'queued'"};

int64_t notice_move(struct db *db, int64_t job, const int64_t *notices, size_t n) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, job);
    db_add_int64_array(&args, notices, n);
    return db_run(db, &notice_move_statement, &args, NULL);
}
