#include "store/notice.h"

const struct statement notice_load_statement = {
    "notice_load", 1,
    "SELECT n.id, n.kind, n.recipient, n.greeting, n.message_id::text, n.dated, n.xid < audit_sealed() AND "
    "audit_sealed() <= pg_snapshot_xmin(pg_current_snapshot()), n.attempts,"
    "  n.link, l.generation, l.state = 'open' AND l.expires > inkan_now(), l.expires,"
    "  c.serial, c.not_before, c.not_after, c.cn, a.o, a.l, a.st, o.name_ja, r.reason, requested.comment,"
    "  n.attached, old.serial, replaced.dn, replaced.cn, array_to_string(a.ous, E'\\n　OU=')"
    " FROM notice n JOIN certificate c ON c.id = n.certificate JOIN application a ON a.id = c.application"
    " JOIN organisation o ON o.id = n.organisation LEFT JOIN link l ON l.id = n.link"
    " LEFT JOIN revocation r ON r.certificate = c.id LEFT JOIN application requested ON requested.id = r.application"
    " LEFT JOIN certificate old ON old.id = n.replaced LEFT JOIN application replaced ON replaced.id = old.application"
    " WHERE n.job = $1::bigint AND n.state = 'queued' ORDER BY n.id"};

int64_t notice_load(struct db *db, const struct job *job, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, job->id);
    return db_run(db, &notice_load_statement, &args, ret);
}
