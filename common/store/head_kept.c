#include "store/audit_seal.h"

const struct statement head_kept_statement = {
    "head_kept", 3,
    "INSERT INTO audit_event (kind, subject, detail) VALUES ('head_kept', 'seal ' || $1::bigint,"
    " jsonb_build_object('head', $2::text, 'mailed', $3::integer))"};

int head_kept(struct db *db, int64_t number, const char *head, int mailed) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, number);
    db_add_text(&args, head);
    db_add_int32(&args, mailed);
    return (int) db_run(db, &head_kept_statement, &args, NULL);
}
