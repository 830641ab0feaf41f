#include "store/decide.h"

#define LINES_OF(column, which)                                                                                        \
    "SELECT id, " which ", CASE WHEN seq = first THEN second ELSE first END FROM ("                                    \
    "  SELECT id, seq, min(seq) OVER same AS first, nth_value(seq, 2) OVER same AS second FROM application"            \
    "   WHERE upload = $1::bigint AND " column " IS NOT NULL WINDOW same AS (PARTITION BY " column                     \
    "     ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) AS rows WHERE second IS NOT NULL"

const struct statement decide_doubles_statement = {
    "decide_doubles", 1,
    LINES_OF("match_key", "0") " UNION ALL " LINES_OF("spki_hash", "1") " UNION ALL " LINES_OF("target", "2")};

int64_t decide_doubles(struct db *db, int64_t upload, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, upload);
    return db_run(db, &decide_doubles_statement, &args, ret);
}
