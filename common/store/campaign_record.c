#include "store/campaign.h"
#include "store/sql.h"

#define FOLLOWS SQL_REVOCATION_FOLLOWS("least(job.due, clock_timestamp() + interval '15 seconds')")

/*
 * A chunk is of one organisation. Mails wait in the flow of campaigns (organisation 0), so that an organisation's other mails
 * do not wait behind them. A CRL is made at most every 15 s for all the chunks of that time.
 */
const struct statement campaign_record_statement = {
    "campaign_record", 3,
    "WITH wanted AS ("
    "  SELECT i.certificate, i.organisation, c.reason FROM campaign_item i JOIN campaign c ON c.id = i.campaign"
    "  WHERE i.campaign = $1::bigint AND i.seq BETWEEN $2::integer AND $3::integer),"
    "made AS ("
    "  INSERT INTO revocation (issuer, serial, certificate, shard, reason, campaign)"
    "  SELECT c.issuer, c.serial, c.id, crl_shard(c.serial, s.crl_shards), w.reason, $1::bigint"
    "  FROM wanted w JOIN certificate c ON c.id = w.certificate JOIN issuer s ON s.id = c.issuer"
    "  ORDER BY c.issuer, c.serial ON CONFLICT DO NOTHING"
    "  RETURNING issuer, serial, certificate, shard, reason)," FOLLOWS ","
    "sending AS ("
    "  INSERT INTO job (stage, turn, organisation)"
    "  SELECT 'send', job_turn('send', 0), 0 WHERE EXISTS (SELECT FROM made) RETURNING id),"
    "queued AS ("
    "  INSERT INTO notice (kind, organisation, certificate, recipient, greeting, job)"
    "  SELECT 'revoked', c.organisation, c.id, COALESCE(c.manager_mail, a.manager_mail),"
    "   COALESCE(c.manager_name, a.manager_name, ''), sending.id"
    "  FROM made CROSS JOIN sending JOIN certificate c ON c.id = made.certificate"
    "  JOIN application a ON a.id = c.application ORDER BY c.id),"
    "audited AS ("
    "  INSERT INTO audit_event (kind, organisation, subject, detail)"
    "  SELECT 'certificate_revoked', w.organisation, encode(made.serial, 'hex'),"
    "  jsonb_build_object('reason', made.reason, 'campaign', $1::bigint)"
    "  FROM made JOIN wanted w ON w.certificate = made.certificate ORDER BY made.certificate) "
    "SELECT count(*), (SELECT id FROM sending) FROM made"};

int64_t campaign_record(struct db *db, const struct job *job, int64_t *ret_job) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, job->campaign);
    db_add_int32(&args, job->seq_from);
    db_add_int32(&args, job->seq_to);
    int64_t n = db_run(db, &campaign_record_statement, &args, &rows);
    if (n <= 0)
        return n < 0 ? n : DB_FAILED;
    *ret_job = db_int64(rows, 0, 1);
    return db_int64(rows, 0, 0);
}
