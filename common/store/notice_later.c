#include "store/notice.h"

const struct statement notice_later_statement = {
    "notice_later", 2,
    "INSERT INTO job (stage, turn, organisation, due) VALUES ('send', job_turn('send', $1::bigint), $1::bigint,"
    "  clock_timestamp() + $2::bigint * interval '1 microsecond') RETURNING id"};

int64_t notice_later(struct db *db, int64_t organisation, int64_t delay_usec) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, organisation);
    db_add_int64(&args, delay_usec);
    int64_t n = db_run(db, &notice_later_statement, &args, &rows);
    return n < 0 ? n : db_int64(rows, 0, 0);
}
