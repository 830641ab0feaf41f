#include "store/audit.h"

const struct statement audit_seals_statement = {
    "audit_seals", 2,
    "SELECT number, xid_from::text::bigint, xid_to::text::bigint, events, digest, previous, key, signature"
    " FROM audit_seal WHERE number > $1::bigint ORDER BY number LIMIT $2::bigint"};

const struct statement audit_events_statement = {
    "audit_events", 5,
    "SELECT xid::text::bigint, id, at, actor, kind, organisation, upload, application, subject, detail::text"
    " FROM audit_event e WHERE xid >= $1::bigint::text::xid8 AND xid < $2::bigint::text::xid8"
    /* e.xid, because xid alone is the number selected above, which no index has */
    " AND (xid, id) > ($3::bigint::text::xid8, $4::bigint) ORDER BY e.xid, e.id LIMIT $5::bigint"};

const struct statement audit_tail_statement = {
    "audit_tail", 0,
    "SELECT tail.events, tail.age, (SELECT COALESCE(max(number), 0) FROM audit_seal)"
    " FROM (SELECT count(*) AS events,"
    "  COALESCE(extract(epoch FROM clock_timestamp() - min(at))::bigint, 0) AS age"
    "  FROM audit_event WHERE xid >= audit_sealed()) AS tail"};

const struct statement audit_counts_statement = {
    "audit_counts", 0,
    "WITH told AS (SELECT kind, count(*) AS n FROM audit_event GROUP BY kind)"
    "SELECT what, stored, COALESCE((SELECT sum(n) FROM told WHERE kind = ANY (kinds)), 0)::bigint, "
    "array_to_string(kinds, ', ')"
    "  FROM (VALUES"
    "   ('certificates', (SELECT count(*) FROM certificate), '{certificate_issued}'::text[]),"
    "   ('revocations', (SELECT count(*) FROM revocation WHERE certificate IS NOT NULL), '{certificate_revoked}'),"
    "   ('serials given up', (SELECT count(*) FROM intent WHERE voided IS NOT NULL), '{intent_voided}'),"
    "   ('links used', (SELECT count(*) FROM link WHERE state = 'used'), '{link_used}'),"
    "   ('mails with a link', (SELECT count(*) FROM notice WHERE kind = 'issued'), '{certificate_issued,link_resent}'),"
    "   ('certificates whose revocation is mailed', (SELECT count(DISTINCT certificate) FROM notice"
    "     WHERE kind = 'revoked' AND certificate IS NOT NULL), '{certificate_revoked}'),"
    "   ('rows failed', (SELECT count(*) FROM application WHERE state = 'failed'), '{row_failed}'),"
    "   ('epochs', (SELECT count(*) FROM audit_epoch), '{epoch_opened}')) AS counted (what, stored, kinds)"};

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

int64_t audit_counts(struct db *db, struct db_rows **ret) {
    return db_run(db, &audit_counts_statement, NULL, ret);
}

int64_t audit_keys(struct db *db, struct db_rows **ret) {
    return db_run(db, &audit_keys_statement, NULL, ret);
}
