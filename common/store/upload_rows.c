#include "store/upload.h"

/*
 * The manual's 状態 is derived: 0 being issued, 1 renewed, 2 revoked, 3 notice queued and further as certificate_state() says; -1 refused with errors,
 * -2 refused by the CA (permission, policy), -3 broken; null where nothing was registered or nothing is known yet.
 * OFFSET 0: a look at the index for each row, never at all certificates.
 */
const struct statement upload_rows_statement = {
    "upload_rows", 4,
    "SELECT a.seq,"
    "  CASE WHEN a.errors <> '[]' THEN 'NG' WHEN u.state <> 'checking' THEN 'OK' END,"
    "  CASE WHEN u.kind = 'manager-update' THEN CASE WHEN a.errors <> '[]' THEN -1 END"
    "       WHEN c.id IS NOT NULL AND (a.reason IS NULL OR EXISTS (SELECT FROM revocation r WHERE r.certificate = c.id"
    "         AND r.application = a.id)) THEN certificate_state(c.whole)"
    "       WHEN a.state = 'failed' THEN CASE WHEN a.errors @> '[{\"code\": 940}]' THEN -3 ELSE -2 END"
    "       WHEN a.errors <> '[]' THEN -1 WHEN u.state IN ('accepted', 'done') AND a.state = 'valid' AND NOT u.dry_run"
    "            THEN CASE WHEN a.reason IS NOT NULL THEN 2 WHEN a.target IS NOT NULL THEN 1 ELSE 0 END END,"
    "  CASE WHEN u.state IN ('accepted', 'done') AND a.state IN ('valid', 'failed') AND NOT u.dry_run THEN a.id END,"
    "  c.serial, a.errors::text, a.cn, a.manager_name"
    " FROM application a JOIN upload u ON u.id = a.upload LEFT JOIN LATERAL ("
    "   SELECT whole, whole.id, whole.serial FROM certificate AS whole WHERE whole.id ="
    "     CASE WHEN a.reason IS NULL AND u.kind <> 'manager-update'"
    "          THEN (SELECT id FROM certificate WHERE application = a.id) ELSE a.target END OFFSET 0) AS c ON true"
    " WHERE a.upload = $1::bigint AND a.seq > $2::bigint AND (NOT $3::boolean OR a.errors <> '[]')"
    " ORDER BY a.seq LIMIT $4::integer"};

int64_t upload_rows(struct db *db, int64_t upload, int64_t after_seq, bool ng_only, int limit, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, upload);
    db_add_int64(&args, after_seq);
    db_add_bool(&args, ng_only);
    db_add_int32(&args, limit);
    return db_run(db, &upload_rows_statement, &args, ret);
}
