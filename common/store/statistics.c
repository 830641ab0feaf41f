#include "store/statistics.h"

#define MONTH(parameter) "(date '1970-01-01' + " parameter "::integer * interval '1 month')::date"

const struct statement statistics_statement = {
    "statistics", 2,
    "SELECT ((extract(year FROM month) - 1970) * 12 + extract(month FROM month) - 1)::integer, profile, issued, "
    "renewed, revoked, valid"
    "  FROM certificate_statistics(" MONTH("$1") ", " MONTH("$2") ") ORDER BY month NULLS LAST, profile"};

int64_t statistics(struct db *db, int from_month, int to_month, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int32(&args, from_month);
    db_add_int32(&args, to_month);
    return db_run(db, &statistics_statement, &args, ret);
}
