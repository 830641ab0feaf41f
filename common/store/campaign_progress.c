#include "store/campaign.h"

/* The counters come last in the transaction: whoever holds them keeps other chunks waiting. */
const struct statement campaign_progress_statement = {
    "campaign_progress", 3,
    "WITH chunk AS ("
    "  SELECT organisation, count(*)::integer AS items FROM campaign_item"
    "   WHERE campaign = $1::bigint AND seq BETWEEN $2::integer AND $3::integer GROUP BY organisation),"
    "counted AS ("
    "  UPDATE campaign_organisation o SET open_items = o.open_items - chunk.items FROM chunk"
    "   WHERE o.campaign = $1::bigint AND o.organisation = chunk.organisation RETURNING o.organisation, o.open_items),"
    "last AS (SELECT organisation FROM counted WHERE open_items = 0),"
    "over AS ("
    "  UPDATE campaign SET open_organisations = open_organisations - 1,"
    "                      ended = CASE WHEN open_organisations = 1 THEN inkan_now() END"
    "    FROM last WHERE campaign.id = $1::bigint RETURNING open_organisations),"
    "told AS ("
    "  INSERT INTO audit_event (kind, subject) SELECT 'campaign_ended', 'campaign ' || $1::bigint FROM over"
    "   WHERE open_organisations = 0),"
    "sending AS ("
    "  INSERT INTO job (stage, turn, organisation) SELECT 'send', job_turn('send', 0), 0 FROM last"
    "   WHERE EXISTS (SELECT FROM campaign_item i JOIN revocation r ON r.certificate = i.certificate"
    "                  WHERE i.campaign = $1::bigint AND i.organisation = last.organisation"
    "                    AND r.campaign = $1::bigint) RETURNING id),"
    "queued AS ("
    "  INSERT INTO notice (kind, organisation, campaign, recipient, greeting, job)"
    "  SELECT DISTINCT ON (r.mail) 'campaign', r.organisation, $1::bigint, r.mail, r.name, sending.id"
    "    FROM last CROSS JOIN sending JOIN registrar r ON r.organisation = last.organisation AND r.state = 'active'"
    "   ORDER BY r.mail, r.id)"
    "SELECT (SELECT id FROM sending), EXISTS (SELECT FROM over WHERE open_organisations = 0)"};

int campaign_progress(struct db *db, const struct job *job, int64_t *ret_job, bool *ret_ended) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, job->campaign);
    db_add_int32(&args, job->seq_from);
    db_add_int32(&args, job->seq_to);
    int64_t n = db_run(db, &campaign_progress_statement, &args, &rows);
    if (n <= 0)
        return n < 0 ? (int) n : DB_FAILED;
    *ret_job = db_int64(rows, 0, 0);
    *ret_ended = db_bool(rows, 0, 1);
    return 1;
}
