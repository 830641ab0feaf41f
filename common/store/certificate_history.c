#include "store/certificate.h"

/* The audit's actor is "registrar:N", the validator for a file of changes, whose registrar it is then, or an operator's role. */
#define IS_FILE "e.actor = 'inkan_validator'"
#define ACTOR                                                                                                          \
    "COALESCE((SELECT g.name FROM registrar g WHERE 'registrar:' || g.id = e.actor OR " IS_FILE                        \
    " AND g.id = (SELECT u.registrar FROM upload u WHERE u.id = e.upload)), '')"

const struct statement certificate_history_statement = {
    "certificate_history", 2,
    "WITH it AS ("
    "  SELECT c.id, c.issuer, c.serial, c.issued, a.upload, a.seq, a.target"
    "    FROM certificate c JOIN application a ON a.id = c.application"
    "   WHERE c.id = $1::bigint AND c.organisation = inkan_organisation()),"
    "step (at, step, actor, notice, state, recipient, serial, reason, comment, upload, seq, detail) AS ("
    "  SELECT u.created, 'received', g.name, NULL, NULL, NULL, NULL::bytea, NULL::smallint, NULL, u.id, it.seq, NULL"
    "    FROM it JOIN upload u ON u.id = it.upload JOIN registrar g ON g.id = u.registrar"
    "  UNION ALL SELECT u.decided, 'accepted', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"
    "    FROM it JOIN upload u ON u.id = it.upload WHERE u.decided IS NOT NULL"
    "  UNION ALL SELECT it.issued, 'issued', NULL, NULL, NULL, NULL, old.serial, NULL, NULL, NULL, NULL, NULL"
    "    FROM it LEFT JOIN certificate old ON old.id = it.target"
    "  UNION ALL SELECT COALESCE(n.ended, n.dated), 'notice', NULL, n.kind, n.state, n.recipient, NULL, NULL, NULL, "
    "NULL, NULL, NULL"
    "    FROM it JOIN notice n ON n.certificate = it.id"
    "  UNION ALL SELECT l.used, 'link_used', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"
    "    FROM it JOIN link l ON l.certificate = it.id WHERE l.used IS NOT NULL"
    "  UNION ALL SELECT l.expires, 'link_expired', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"
    "    FROM it JOIN link l ON l.certificate = it.id WHERE l.state = 'open' AND l.expires <= inkan_now()"
    "  UNION ALL SELECT e.at, e.kind, " ACTOR ", NULL, NULL, NULL, NULL, NULL, NULL,"
    "         CASE WHEN " IS_FILE " THEN e.upload END,"
    "         CASE WHEN " IS_FILE
    " THEN (SELECT a.seq FROM application a WHERE a.id = e.application) END, e.detail::text"
    "    FROM it CROSS JOIN LATERAL certificate_audit(it.id) AS e"
    "  UNION ALL SELECT n.issued, 'renewed', NULL, NULL, NULL, NULL, n.serial, NULL, NULL, NULL, NULL, NULL"
    "    FROM it JOIN application newer ON newer.target = it.id JOIN certificate n ON n.application = newer.id"
    "  UNION ALL SELECT r.revoked, 'revoked', COALESCE(g.name, ''), NULL, NULL, NULL, NULL, r.reason, "
    "COALESCE(a.comment, k.comment),"
    "         a.upload, a.seq, NULL"
    "    FROM it JOIN revocation r ON r.issuer = it.issuer AND r.serial = it.serial"
    "    LEFT JOIN application a ON a.id = r.application LEFT JOIN upload u ON u.id = a.upload"
    "    LEFT JOIN registrar g ON g.id = u.registrar LEFT JOIN campaign k ON k.id = r.campaign"
    "  UNION ALL SELECT d.due, 'reminder', NULL, d.kind, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"
    "    FROM it JOIN reminder d ON d.certificate = it.id JOIN certificate c ON c.id = it.id WHERE certificate_valid(c)"
    "     AND CASE d.kind"
    "         WHEN 'replace' THEN EXISTS (SELECT FROM certificate old WHERE old.id = it.target AND "
    "certificate_valid(old))"
    "         WHEN 'expiring' THEN NOT EXISTS (SELECT FROM application newer JOIN certificate n ON n.application = "
    "newer.id"
    "                                           WHERE newer.target = it.id AND n.fetched IS NOT NULL AND "
    "certificate_valid(n))"
    "         ELSE c.fetched IS NULL END)"
    "SELECT * FROM (SELECT * FROM step ORDER BY at DESC LIMIT $2::integer) AS newest"
    " ORDER BY at, array_position(ARRAY['received', 'accepted', 'issued', 'link_used', 'link_resent', "
    "'manager_changed',"
    " 'renewed', 'revoked', 'notice', 'link_expired', 'reminder'], step), recipient"};

int64_t certificate_history(struct db *db, int64_t certificate, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, certificate);
    db_add_int32(&args, HISTORY_MAX);
    return db_run(db, &certificate_history_statement, &args, ret);
}
