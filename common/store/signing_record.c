#include "store/signing.h"

/*
 * The first recorded wins: certificate.application is unique. Links, notices and audit follow what was really inserted.
 * OFFSET 0: a look at the index for each row, whatever the planner thinks it knows. It may have planned this while the tables were
 * small; and of an upload younger than its statistics it expects no rows, so that it would read the whole upload for each of them.
 */
const struct statement signing_record_statement = {
    "signing_record", 9,
    "WITH made AS ("
    "  INSERT INTO certificate (application, organisation, issuer, serial, der, cn, spki_hash, not_before, not_after)"
    "  SELECT a.id, o.id, $4::integer, g.serial, g.der, a.cn, a.spki_hash, g.not_before, g.not_after"
    "    FROM unnest($5::bigint[], $6::bytea[], $7::bytea[], $8::timestamptz[], $9::timestamptz[])"
    "           AS g (application, serial, der, not_before, not_after)"
    "    CROSS JOIN LATERAL (SELECT * FROM application WHERE id = g.application OFFSET 0) AS a"
    "    JOIN upload u ON u.id = a.upload JOIN organisation o ON o.id = a.organisation CROSS JOIN service s"
    "   WHERE EXISTS (SELECT FROM intent i WHERE i.application = g.application AND i.issuer = $4::integer"
    "                    AND i.serial = g.serial AND i.voided IS NULL OFFSET 0)"
    "     AND a.state = 'valid' AND u.id = $1::bigint AND u.state = 'accepted'"
    "     AND u.policy IS NOT DISTINCT FROM s.policy"
    "     AND NOT EXISTS (SELECT FROM campaign_stop stop WHERE stop.application = a.id)"
    "     AND (SELECT k.blocked FROM key_seen k WHERE k.spki_hash = a.spki_hash) IS NOT TRUE"
    "     AND o.state = 'active' AND a.o = o.name_en AND a.st = o.st AND a.l = o.l"
    "     AND (a.ous IS NULL OR ous_permitted(a.organisation, a.ous))"
    "     AND NOT EXISTS (SELECT FROM unnest(a.domains) AS used (id) LEFT JOIN domain d ON d.id = used.id"
    "           AND d.organisation = a.organisation AND d.state = 'permitted' WHERE d.id IS NULL)"
    "   ORDER BY a.id"
    "  ON CONFLICT (application) DO NOTHING RETURNING id, application, organisation, serial),"
    "sending AS ("
    "  INSERT INTO job (stage, turn, organisation, upload)"
    "  SELECT 'send', job_turn('send', $2::bigint), $2::bigint, $1::bigint WHERE EXISTS (SELECT FROM made)"
    "  RETURNING id),"
    "linked AS ("
    "  INSERT INTO link (certificate, organisation, expires)"
    "  SELECT id, organisation, inkan_now() + $3::integer * interval '1 day' FROM made ORDER BY id"
    "  RETURNING id, certificate),"
    "queued AS ("
    "  INSERT INTO notice (kind, organisation, certificate, link, recipient, greeting, job)"
    "  SELECT 'issued', m.organisation, m.id, l.id, a.manager_mail, COALESCE(a.manager_name, ''), sending.id"
    "    FROM made m JOIN linked l ON l.certificate = m.id JOIN application a ON a.id = m.application"
    "    CROSS JOIN sending ORDER BY m.id),"
    "audited AS ("
    "  INSERT INTO audit_event (kind, organisation, upload, application, subject)"
    "  SELECT 'certificate_issued', organisation, $1::bigint, application, encode(serial, 'hex') FROM made"
    "   ORDER BY id),"
    /* the end of renewals */
    "renewed AS ("
    "  UPDATE dn_taken t SET application = made.application, renewing = NULL FROM made"
    "   WHERE t.renewing = made.application)"
    "SELECT made.application, sending.id FROM made CROSS JOIN sending"};

int64_t signing_record(struct db *db, const struct job *job, int issuer, int link_days,
                       const struct signing_result *result, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, job->upload);
    db_add_int64(&args, job->organisation);
    db_add_int32(&args, link_days);
    db_add_int32(&args, issuer);
    db_add_int64_array(&args, result->applications, result->n);
    db_add_bytes_array(&args, result->serials, result->n);
    db_add_bytes_array(&args, result->ders, result->n);
    db_add_time_array(&args, result->not_before_usec, result->n);
    db_add_time_array(&args, result->not_after_usec, result->n);
    return db_run(db, &signing_record_statement, &args, ret);
}
