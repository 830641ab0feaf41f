#include "store/link.h"

const struct statement link_burn_statement = {
    "link_burn", 5, "SELECT link_burn($1::bigint, $2::bigint, $3::integer, $4::integer, $5::integer[])"};

int link_burn(struct db *db, int64_t link, int64_t delivery, const struct link_reminders *reminders, int64_t *ret_job) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, link);
    db_add_int64(&args, delivery);
    db_add_int32(&args, reminders->replace_days);
    db_add_int32(&args, reminders->old_reason);
    db_add_int32_array(&args, reminders->expiry_days, reminders->expiry_count);
    int64_t n = db_run(db, &link_burn_statement, &args, &rows);
    if (n < 0)
        return (int) n;
    *ret_job = db_int64(rows, 0, 0);
    return !db_is_null(rows, 0, 0);
}
