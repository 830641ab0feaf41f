#include "store/signing.h"

const struct statement signing_load_statement = {
    "signing_load", 4,
    "SELECT a.id, a.o, a.st, a.l, a.cn, a.names, a.profile, a.spki,"
    "  o.state = 'active' AND a.o = o.name_en AND a.st = o.st AND a.l = o.l AND (a.ous IS NULL OR "
    "ous_permitted(a.organisation, a.ous)),"
    "  ARRAY(SELECT d.name FROM domain d WHERE d.id = ANY (a.domains) AND d.organisation = a.organisation"
    "        AND d.state = 'permitted' ORDER BY d.id),"
    "  u.policy IS NOT DISTINCT FROM s.policy,"
    "  i.serial, i.tbs,"
    "  i.policy IS DISTINCT FROM s.policy OR i.issuer <> $4::integer OR i.created < inkan_now() - interval '24 hours',"
    "  a.ous, EXISTS (SELECT FROM campaign_stop stop WHERE stop.application = a.id),"
    "  (SELECT k.blocked FROM key_seen k WHERE k.spki_hash = a.spki_hash) IS TRUE"
    " FROM application a JOIN upload u ON u.id = a.upload JOIN organisation o ON o.id = a.organisation CROSS JOIN "
    "service s"
    " LEFT JOIN intent i ON i.application = a.id AND i.voided IS NULL"
    " WHERE a.upload = $1::bigint AND a.seq BETWEEN $2::integer AND $3::integer AND a.state = 'valid'"
    "  AND u.state = 'accepted' AND NOT u.dry_run"
    "  AND NOT EXISTS (SELECT FROM certificate c WHERE c.application = a.id)"
    " ORDER BY a.seq"};

int64_t signing_load(struct db *db, const struct job *job, int issuer, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, job->upload);
    db_add_int32(&args, job->seq_from);
    db_add_int32(&args, job->seq_to);
    db_add_int32(&args, issuer);
    return db_run(db, &signing_load_statement, &args, ret);
}
