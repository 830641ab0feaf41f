#include "store/signing.h"

const struct statement signing_fail_statement = {
    "signing_fail", 2,
    "WITH failed AS ("
    "  UPDATE application a SET state = 'failed', errors = a.errors || jsonb_build_array(f.error::jsonb)"
    "    FROM unnest($1::bigint[], $2::text[]) AS f (application, error)"
    "   WHERE a.id = f.application AND a.state = 'valid'"
    "     AND NOT EXISTS (SELECT FROM certificate c WHERE c.application = a.id)"
    "  RETURNING a.id, a.organisation, a.upload, a.cn, f.error),"
    "freed AS (DELETE FROM dn_taken t USING failed WHERE t.application = failed.id),"
    "unrenewed AS ("
    "  UPDATE dn_taken t SET renewing = NULL FROM failed WHERE t.renewing = failed.id AND t.application <> failed.id)"
    "INSERT INTO audit_event (kind, organisation, upload, application, subject, detail)"
    " SELECT 'row_failed', organisation, upload, id, cn, error::jsonb FROM failed ORDER BY id"};

int64_t signing_fail(struct db *db, const int64_t *applications, const char *const *errors, size_t n) {
    _cleanup_args_ struct db_args args = {0};
    if (n == 0)
        return 0;
    db_add_int64_array(&args, applications, n);
    db_add_text_array(&args, errors, n);
    return db_run(db, &signing_fail_statement, &args, NULL);
}
