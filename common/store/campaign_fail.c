#include "store/campaign.h"

const struct statement campaign_fail_statement = {
    "campaign_fail", 4,
    "WITH failed AS ("
    "  UPDATE campaign_item i SET error = $4::text::jsonb FROM certificate c"
    "   WHERE i.campaign = $1::bigint AND i.seq BETWEEN $2::integer AND $3::integer AND c.id = i.certificate"
    "     AND NOT EXISTS (SELECT FROM revocation r WHERE r.certificate = c.id)"
    "  RETURNING i.seq, i.organisation, c.serial)"
    "INSERT INTO audit_event (kind, organisation, subject, detail)"
    " SELECT 'campaign_item_failed', organisation, encode(serial, 'hex'),"
    "        $4::text::jsonb || jsonb_build_object('campaign', $1::bigint) FROM failed ORDER BY seq"};

int64_t campaign_fail(struct db *db, const struct job *job, const char *error) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, job->campaign);
    db_add_int32(&args, job->seq_from);
    db_add_int32(&args, job->seq_to);
    db_add_text(&args, error);
    return db_run(db, &campaign_fail_statement, &args, NULL);
}
