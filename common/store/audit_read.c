#include "store/audit.h"

const struct statement audit_seals_statement = {
    "audit_seals", 2,
    "SELECT number, xid_from::text::bigint, xid_to::text::bigint, events, digest, previous, key, signature"
    " FROM audit_seal WHERE number > $1::bigint ORDER BY number LIMIT $2::bigint"};

const struct statement audit_events_statement = {
    "audit_events", 5,
    "SELECT xid::text::bigint, id, at, actor, kind, organisation, upload, application, subject, detail::text"
    " FROM audit_event WHERE xid >= $1::bigint::text::xid8 AND xid < $2::bigint::text::xid8"
    " AND (xid, id) > ($3::bigint::text::xid8, $4::bigint) ORDER BY xid, id LIMIT $5::bigint"};

const struct statement audit_tail_statement = {
    "audit_tail", 0,
    "SELECT tail.events, tail.age, (SELECT count(*) FROM audit_event WHERE kind = 'certificate_issued'),"
    " (SELECT count(*) FROM certificate), (SELECT COALESCE(max(number), 0) FROM audit_seal)"
    " FROM (SELECT count(*) AS events,"
    "  COALESCE(extract(epoch FROM clock_timestamp() - min(at))::bigint, 0) AS age"
    "  FROM audit_event WHERE xid >= audit_sealed()) AS tail"};

const struct statement audit_keys_statement = {"audit_keys", 0, "SELECT id, public FROM audit_key ORDER BY created"};

int64_t audit_seals(struct db *db, int64_t after, int64_t limit, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, after);
    db_add_int64(&args, limit);
    return db_run(db, &audit_seals_statement, &args, ret);
}

int64_t audit_events(struct db *db, int64_t xid_from, int64_t xid_to, int64_t after_xid, int64_t after_id,
                     int64_t limit, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, xid_from);
    db_add_int64(&args, xid_to);
    db_add_int64(&args, after_xid);
    db_add_int64(&args, after_id);
    db_add_int64(&args, limit);
    return db_run(db, &audit_events_statement, &args, ret);
}

int64_t audit_tail(struct db *db, struct db_rows **ret) {
    return db_run(db, &audit_tail_statement, NULL, ret);
}

int64_t audit_keys(struct db *db, struct db_rows **ret) {
    return db_run(db, &audit_keys_statement, NULL, ret);
}
