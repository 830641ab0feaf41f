#include "store/decide.h"

const struct statement decide_audit_statement = {
    "decide_audit", 4,
    "INSERT INTO audit_event (kind, organisation, upload, application, subject, detail)"
    " SELECT $2::text, organisation, id, NULL, NULL, $3::text::jsonb FROM upload WHERE id = $1::bigint"
    " UNION ALL "
    "(SELECT 'row_refused', organisation, upload, id, cn, jsonb_build_object('seq', seq, 'errors', errors) FROM "
    "application"
    "  WHERE $4::boolean AND upload = $1::bigint AND errors <> '[]' ORDER BY seq)"};

int64_t decide_audit(struct db *db, int64_t upload, const char *kind, const char *detail, bool rows) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, upload);
    db_add_text(&args, kind);
    db_add_text(&args, detail);
    db_add_bool(&args, rows);
    return db_run(db, &decide_audit_statement, &args, NULL);
}
