#include "store/revoking.h"
#include "store/sql.h"

#define FOLLOWS SQL_REVOCATION_FOLLOWS("clock_timestamp()")

/* Rows of revocation go in by (issuer, serial): one order for all. */
const struct statement revoking_record_statement = {
    "revoking_record", 4,
    "WITH made AS ("
    "  INSERT INTO revocation (issuer, serial, certificate, shard, reason, application)"
    "  SELECT c.issuer, c.serial, c.id, crl_shard(c.serial, i.crl_shards), a.reason, a.id"
    "  FROM application a JOIN upload u ON u.id = a.upload"
    "  JOIN certificate c ON c.id = a.target AND c.organisation = a.organisation JOIN issuer i ON i.id = c.issuer"
    "  WHERE a.upload = $1::bigint AND a.seq BETWEEN $2::integer AND $3::integer AND a.state = 'valid'"
    "  AND a.reason IS NOT NULL AND u.state = 'accepted' AND NOT u.dry_run"
    "  ORDER BY c.issuer, c.serial ON CONFLICT DO NOTHING"
    "  RETURNING issuer, serial, certificate, shard, reason, application)," FOLLOWS ","
    "sending AS ("
    "  INSERT INTO job (stage, turn, organisation, upload)"
    "  SELECT 'send', job_turn('send', $4::bigint), $4::bigint, $1::bigint WHERE EXISTS (SELECT FROM made)"
    " RETURNING id),"
    "queued AS ("
    "  INSERT INTO notice (kind, organisation, certificate, recipient, greeting, job)"
    "  SELECT DISTINCT ON (made.certificate, t.recipient) 'revoked', $4::bigint, made.certificate, t.recipient,"
    "  t.greeting, sending.id"
    "  FROM made CROSS JOIN sending JOIN application a ON a.id = made.application"
    "  JOIN certificate c ON c.id = made.certificate JOIN application issued ON issued.id = c.application"
    "  CROSS JOIN LATERAL ("
    "  SELECT 0 AS rank, COALESCE(a.manager_mail, c.manager_mail, issued.manager_mail) AS recipient,"
    "   COALESCE(c.manager_name, issued.manager_name, '') AS greeting"
    "  UNION ALL SELECT r.id, r.mail, r.name FROM registrar r WHERE r.organisation = $4::bigint AND "
    "   r.state = 'active') t"
    "  ORDER BY made.certificate, t.recipient, t.rank),"
    "audited AS ("
    "  INSERT INTO audit_event (kind, organisation, upload, application, subject, detail)"
    "  SELECT 'certificate_revoked', $4::bigint, $1::bigint, a.id, encode(made.serial, 'hex'),"
    "  jsonb_build_object('reason', made.reason, 'comment', a.comment)"
    "  FROM made JOIN application a ON a.id = made.application ORDER BY a.id) "
    "SELECT count(*), (SELECT id FROM sending) FROM made"};

int64_t revoking_record(struct db *db, const struct job *job, int64_t *ret_job) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, job->upload);
    db_add_int32(&args, job->seq_from);
    db_add_int32(&args, job->seq_to);
    db_add_int64(&args, job->organisation);
    int64_t n = db_run(db, &revoking_record_statement, &args, &rows);
    if (n <= 0)
        return n < 0 ? n : DB_FAILED;
    *ret_job = db_int64(rows, 0, 1);
    return db_int64(rows, 0, 0);
}
