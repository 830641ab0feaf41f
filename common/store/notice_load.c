#include "store/notice.h"

const struct statement notice_load_statement = {
    "notice_load", 1,
    "SELECT n.id, n.kind, n.recipient, n.greeting, n.message_id::text, n.dated, n.xid < audit_sealed() AND "
    "audit_sealed() <= audit_finished(), n.attempts,"
    "  n.link, l.generation, l.state = 'open' AND l.expires > inkan_now(), l.expires,"
    "  c.serial, c.not_before, c.not_after, c.cn, a.o, a.l, a.st, o.name_ja, COALESCE(r.reason, g.reason), "
    "COALESCE(requested.comment, g.comment),"
    "  n.attached, old.serial, replaced.dn, replaced.cn, array_to_string(a.ous, E'\\n　OU='), g.id, told.n, told.lines,"
    "  (SELECT m.recipient FROM notice m WHERE m.certificate = n.certificate AND m.kind = 'issued' AND m.link = n.link)"
    " FROM notice n LEFT JOIN certificate c ON c.id = n.certificate LEFT JOIN application a ON a.id = c.application"
    " JOIN organisation o ON o.id = n.organisation LEFT JOIN link l ON l.id = n.link"
    " LEFT JOIN revocation r ON r.certificate = c.id LEFT JOIN application requested ON requested.id = r.application"
    " LEFT JOIN certificate old ON old.id = n.replaced LEFT JOIN application replaced ON replaced.id = old.application"
    " LEFT JOIN campaign g ON g.id = COALESCE(n.campaign, r.campaign)"
    " LEFT JOIN LATERAL ("
    "  SELECT max(all_of_it) AS n, array_agg(line ORDER BY at) AS lines FROM ("
    "   SELECT row_number() OVER (ORDER BY i.seq) AS at, count(*) OVER () AS all_of_it,"
    "          encode(ic.serial, 'hex') || E'\\t' || ia.dn || E'\\t' || COALESCE(ic.manager_mail, ia.manager_mail) AS "
    "line"
    "     FROM campaign_item i JOIN revocation ir ON ir.certificate = i.certificate AND ir.campaign = i.campaign"
    "     JOIN certificate ic ON ic.id = i.certificate JOIN application ia ON ia.id = ic.application"
    "    WHERE i.campaign = n.campaign AND i.organisation = n.organisation ORDER BY i.seq LIMIT 1000) listed"
    " ) told ON n.campaign IS NOT NULL"
    " WHERE n.job = $1::bigint AND n.state = 'queued' ORDER BY n.id"};

int64_t notice_load(struct db *db, const struct job *job, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, job->id);
    return db_run(db, &notice_load_statement, &args, ret);
}
