#include "store/remind.h"

/*
 * replace: the old certificate is still valid (manual 1-2-9). expiring: no newer certificate for the name was fetched. unfetched,
 * lapsed: nobody fetched it, and the link is still the certificate's newest. None of them when the certificate itself is no longer
 * valid.
 */
const struct statement remind_due_statement = {
    "remind_due", 2,
    "WITH due AS ("
    "  SELECT certificate, kind, round, link FROM reminder WHERE due <= inkan_now() ORDER BY due LIMIT $1::integer"
    "     FOR UPDATE SKIP LOCKED),"
    "judged AS ("
    "  SELECT d.certificate, d.kind, d.round, d.link, c.organisation, c.not_after, c.serial, a.id AS application, "
    "a.upload, "
    "a.target,"
    "         COALESCE(c.manager_mail, a.manager_mail) AS manager_mail,"
    "         COALESCE(c.manager_name, a.manager_name, '') AS manager_name,"
    "         certificate_valid(c) AND CASE d.kind"
    "           WHEN 'replace' THEN EXISTS (SELECT FROM certificate old WHERE old.id = a.target AND "
    "certificate_valid(old))"
    "           WHEN 'unfetched' THEN c.fetched IS NULL AND l.state = 'open' AND l.expires > inkan_now()"
    "           WHEN 'lapsed' THEN c.fetched IS NULL AND l.state = 'open' AND l.expires <= inkan_now()"
    "           ELSE NOT EXISTS (SELECT FROM application newer JOIN certificate n ON n.application = newer.id"
    "                             WHERE newer.target = c.id AND n.fetched IS NOT NULL AND certificate_valid(n))"
    "            AND NOT EXISTS (SELECT FROM dn_taken t JOIN certificate n ON n.application = t.application"
    "                             WHERE t.organisation = a.organisation AND t.match_key = a.match_key AND n.id > c.id"
    "                               AND n.fetched IS NOT NULL AND certificate_valid(n)) END AS wanted"
    "    FROM due d JOIN certificate c ON c.id = d.certificate JOIN application a ON a.id = c.application"
    "    LEFT JOIN link l ON l.id = d.link),"
    "sending AS ("
    "  INSERT INTO job (stage, turn, organisation)"
    "  SELECT 'send', job_turn('send', organisation), organisation FROM judged WHERE wanted GROUP BY organisation"
    "   ORDER BY organisation RETURNING id, organisation),"
    "queued AS ("
    "  INSERT INTO notice (kind, organisation, certificate, link, replaced, recipient, greeting, job, round)"
    "  SELECT DISTINCT ON (j.certificate, j.kind, t.recipient) j.kind, j.organisation, j.certificate, j.link,"
    "         CASE j.kind WHEN 'replace' THEN j.target END, t.recipient, t.greeting, s.id, j.round"
    "    FROM judged j JOIN sending s ON s.organisation = j.organisation CROSS JOIN LATERAL ("
    "     SELECT 0 AS rank, j.manager_mail AS recipient, j.manager_name AS greeting WHERE j.kind = 'expiring'"
    "      UNION ALL SELECT r.id, r.mail, r.name FROM registrar r WHERE r.organisation = j.organisation AND r.state = "
    "'active') t"
    "   WHERE j.wanted ORDER BY j.certificate, j.kind, t.recipient, t.rank ON CONFLICT DO NOTHING),"
    "audited AS ("
    "  INSERT INTO audit_event (kind, organisation, upload, application, subject, detail)"
    "  SELECT 'reminded', organisation, upload, application, encode(serial, 'hex'),"
    "         jsonb_build_object('kind', kind, 'round', round, 'wanted', wanted) FROM judged ORDER BY certificate),"
    "next AS ("
    "  SELECT DISTINCT ON (j.certificate) j.certificate, j.kind, d.n, j.not_after - d.days * interval '1 day' AS due"
    "    FROM judged j CROSS JOIN unnest($2::integer[]) WITH ORDINALITY AS d (days, n)"
    "   WHERE j.kind = 'expiring' AND j.wanted AND d.n > j.round ORDER BY j.certificate, d.n),"
    "moved AS ("
    "  UPDATE reminder r SET round = next.n, due = next.due FROM next"
    "   WHERE r.certificate = next.certificate AND r.kind = next.kind),"
    "gone AS ("
    "  DELETE FROM reminder r USING judged j WHERE r.certificate = j.certificate AND r.kind = j.kind"
    "     AND NOT EXISTS (SELECT FROM next WHERE next.certificate = j.certificate AND next.kind = j.kind))"
    "SELECT (SELECT count(*) FROM due), (SELECT min(id) FROM sending)"};

int64_t remind_due(struct db *db, int limit, const int32_t *expiry_days, size_t expiry_count, int64_t *ret_job) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int32(&args, limit);
    db_add_int32_array(&args, expiry_days, expiry_count);
    int64_t n = db_run(db, &remind_due_statement, &args, &rows);
    if (n <= 0)
        return n < 0 ? n : DB_FAILED;
    *ret_job = db_int64(rows, 0, 1);
    return db_int64(rows, 0, 0);
}
