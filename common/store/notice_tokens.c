#include "store/notice.h"

/* A link's reminders are entered when its token is made. Those of an earlier link of the certificate make room. */
const struct statement notice_tokens_statement = {
    "notice_tokens", 4,
    "WITH made AS ("
    "  UPDATE link SET token_hash = t.hash FROM unnest($1::bigint[], $2::bytea[]) AS t (link, hash)"
    "   WHERE link.id = t.link AND link.token_hash IS DISTINCT FROM t.hash"
    "  RETURNING link.id, link.certificate, link.expires)"
    "INSERT INTO reminder (certificate, kind, link, due)"
    " SELECT made.certificate, r.kind, made.id, r.due FROM made JOIN certificate c ON c.id = made.certificate"
    "  CROSS JOIN LATERAL (VALUES"
    "    ('unfetched', $3::integer, made.expires - $3::integer * interval '1 day'),"
    "    ('lapsed', $4::integer, made.expires + $4::integer * interval '1 day')) AS r (kind, days, due)"
    "  WHERE r.days > 0 AND r.due > inkan_now() AND c.fetched IS NULL ORDER BY made.certificate, r.kind"
    " ON CONFLICT (certificate, kind) DO UPDATE SET link = EXCLUDED.link, due = EXCLUDED.due"
    "  WHERE EXCLUDED.link > reminder.link"};

int64_t notice_tokens(struct db *db, const int64_t *links, const struct db_bytes *hashes, size_t n, int before_days,
                      int after_days) {
    _cleanup_args_ struct db_args args = {0};
    if (n == 0)
        return 0;
    db_add_int64_array(&args, links, n);
    db_add_bytes_array(&args, hashes, n);
    db_add_int32(&args, before_days);
    db_add_int32(&args, after_days);
    return db_run(db, &notice_tokens_statement, &args, NULL);
}
