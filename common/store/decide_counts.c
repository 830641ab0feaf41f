#include "store/decide.h"

const struct statement decide_counts_statement = {
    "decide_counts", 1,
    "SELECT count(*), count(*) FILTER (WHERE state = 'valid'), count(*) FILTER (WHERE errors <> '[]')"
    " FROM application WHERE upload = $1::bigint"};

int decide_counts(struct db *db, int64_t upload, struct decide_counts *ret) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, upload);
    int64_t n = db_run(db, &decide_counts_statement, &args, &rows);
    if (n > 0)
        *ret = (struct decide_counts){
            .rows = db_int64(rows, 0, 0), .valid = db_int64(rows, 0, 1), .bad = db_int64(rows, 0, 2)};
    return (int) n;
}
