#include "store/operator.h"
#include "store/sql.h"

/* $1 to $9: the criteria of campaign_select(); $10: the reason */
#define SELECTED                                                                                                       \
    "WITH s AS MATERIALIZED (SELECT * FROM campaign_select($1::bytea[], $2::bigint, $3::text, $4::integer,"            \
    "   $5::integer, $6::timestamptz, $7::timestamptz, $8::bytea, $9::bytea)),"                                        \
    "pinned AS (SELECT campaign_code($10::integer, string_agg(int8send(application), ''::bytea ORDER BY application))" \
    "  AS code, " COUNTS " FROM s)"

#define COUNTS                                                                                                         \
    "count(*) FILTER (WHERE status = 'valid') AS certificates,"                                                        \
    " count(*) FILTER (WHERE status = 'revoked') AS already_revoked,"                                                  \
    " count(*) FILTER (WHERE status = 'expired') AS expired,"                                                          \
    " count(*) FILTER (WHERE status = 'in_flight') AS in_flight"

#define COUNTS_JSON(of)                                                                                                \
    "'certificates', " of ".certificates, 'already_revoked', " of ".already_revoked, 'expired', " of ".expired,"       \
    " 'in_flight', " of ".in_flight"

#define PINNED_COUNTS COUNTS_JSON("pinned")
#define PER_COUNTS COUNTS_JSON("per")
#define NEW_COUNTS COUNTS_JSON("new")
#define CAMPAIGN_COUNTS COUNTS_JSON("c")

const struct statement campaign_preview_statement = {
    "campaign_preview", 10,
    SELECTED
    ",unknown AS (SELECT DISTINCT w FROM unnest($1::bytea[]) AS w"
    "  WHERE NOT EXISTS (SELECT FROM s WHERE s.serial = w)),"
    "per AS (SELECT organisation, " COUNTS " FROM s GROUP BY organisation) "
    "SELECT json_build_object('code', pinned.code, " PINNED_COUNTS
    ", 'unknown_serials', (SELECT count(*) FROM unknown), 'unknown', ARRAY(SELECT '0x' || encode(w, 'hex') FROM"
    " unknown ORDER BY w LIMIT 20), 'organisations', (SELECT COALESCE(json_agg(json_build_object('organisation',"
    " o.id,   'name', o.name_en, " PER_COUNTS
    ") ORDER BY o.id), '[]') FROM per JOIN organisation o ON o.id = per.organisation))::text FROM pinned"};

/*
 * The lock on the service is held: no signing is in flight, so that what is selected here either has its certificate or is
 * stopped. Keys of what is in flight are blocked at once; those of certificates when they are revoked.
 */
const struct statement campaign_begin_statement = {
    "campaign_begin", 15,
    SELECTED
    ",new AS (INSERT INTO campaign (reason, comment, operator, selection, code, certificates, already_revoked,"
    "  expired, in_flight, open_organisations, ended)"
    "  SELECT $10::integer, $12::text, $13::text, $14::text::jsonb, code, certificates, already_revoked, expired,"
    "  in_flight, (SELECT count(DISTINCT organisation) FROM s WHERE status = 'valid'),"
    "  CASE WHEN certificates = 0 THEN inkan_now() END"
    "  FROM pinned WHERE code = $11::text AND certificates + in_flight > 0 RETURNING *),"
    "items AS (INSERT INTO campaign_item (campaign, seq, certificate, organisation)"
    "  SELECT new.id, row_number() OVER (ORDER BY s.organisation, s.certificate), s.certificate, s.organisation"
    "  FROM s CROSS JOIN new WHERE s.status = 'valid' RETURNING seq, organisation),"
    "organisations AS (INSERT INTO campaign_organisation (campaign, organisation, items, open_items)"
    "  SELECT new.id, items.organisation, count(*), count(*) FROM items CROSS JOIN new GROUP BY 1, 2),"
    "jobs AS (INSERT INTO job (stage, turn, organisation, campaign, seq_from, seq_to)"
    "  SELECT 'revoke', job_turn('revoke', 0) + row_number() OVER (ORDER BY min(c.seq)) - 1, 0, new.id, min(c.seq),"
    "  max(c.seq) FROM (SELECT seq, organisation, (row_number() OVER (PARTITION BY organisation ORDER BY seq) - 1)"
    "  / $15::integer AS chunk FROM items) AS c CROSS JOIN new GROUP BY new.id, c.organisation, c.chunk"
    "  ORDER BY min(c.seq)),"
    "stops AS (INSERT INTO campaign_stop (application, campaign)"
    "  SELECT s.application, new.id FROM s CROSS JOIN new WHERE s.status = 'in_flight' ORDER BY s.application"
    "  ON CONFLICT DO NOTHING),"
    "keys AS (INSERT INTO key_seen (spki_hash, blocked)"
    "  SELECT DISTINCT s.spki_hash, true FROM s CROSS JOIN new WHERE s.status = 'in_flight' AND $10::integer = 1"
    "  ORDER BY 1 ON CONFLICT (spki_hash) DO UPDATE SET blocked = true),"
    "told AS (INSERT INTO audit_event (kind, subject, detail) SELECT 'campaign_started', 'campaign ' || new.id, "
    " jsonb_build_object('reason', new.reason, 'comment', new.comment, 'selection', new.selection, 'code',"
    " new.code,   " NEW_COUNTS
    ", 'by', new.operator) FROM new) SELECT json_build_object('campaign', new.id, 'reason', new.reason, " NEW_COUNTS
    ")::text FROM new"};

#define CAMPAIGN_JSON                                                                                                  \
    "'campaign', c.id, 'reason', c.reason, 'comment', c.comment, 'operator', c.operator, 'created', " SQL_TIME(        \
        "c.created") ", 'ended', " SQL_TIME("c.ended") ", " CAMPAIGN_COUNTS ", 'open', " OPEN

#define OPEN "(SELECT COALESCE(sum(o.open_items), 0) FROM campaign_organisation o WHERE o.campaign = c.id)"

const struct statement campaign_list_statement = {"campaign_list", 0,
                                                  "SELECT json_build_object(" CAMPAIGN_JSON
                                                  ")::text FROM campaign c ORDER BY c.id DESC LIMIT 1000"};

const struct statement campaign_show_statement = {
    "campaign_show", 1,
    "WITH i AS (SELECT i.organisation, r.campaign = i.campaign AS ours, r.campaign IS DISTINCT FROM i.campaign"
    "  AND r.serial IS NOT NULL AS others, i.error IS NOT NULL AND r.serial IS NULL AS failed"
    "  FROM campaign_item i LEFT JOIN revocation r ON r.certificate = i.certificate WHERE i.campaign = $1::bigint),"
    "n AS (SELECT organisation, count(*) FILTER (WHERE ours) AS revoked, count(*) FILTER (WHERE others) AS by_others,"
    "  count(*) FILTER (WHERE failed) AS failed FROM i GROUP BY organisation) "
    "SELECT json_build_object(" CAMPAIGN_JSON ", 'revoked', (SELECT COALESCE(sum(revoked), 0) FROM n),"
    " 'revoked_by_others', (SELECT COALESCE(sum(by_others), 0) FROM n), 'failed', (SELECT COALESCE(sum(failed), 0) "
    "FROM n),"
    " 'stopped_before_issue', (SELECT count(*) FROM campaign_stop s JOIN application a ON a.id = s.application"
    "  WHERE s.campaign = c.id AND a.state <> 'valid'),"
    " 'to_be_stopped', (SELECT count(*) FROM campaign_stop s JOIN application a ON a.id = s.application"
    "  WHERE s.campaign = c.id AND a.state = 'valid'),"
    " 'mails_queued', (SELECT count(*) FROM notice m JOIN campaign_item k ON k.certificate = m.certificate"
    "  WHERE k.campaign = c.id AND m.kind = 'revoked' AND m.state = 'queued'),"
    " 'code', c.code, 'selection', c.selection,"
    " 'organisations', (SELECT COALESCE(json_agg(json_build_object('organisation', o.organisation, 'name', g.name_en,"
    "    'certificates', o.items, 'open', o.open_items, 'revoked', n.revoked, 'revoked_by_others', n.by_others,"
    "    'failed', n.failed) ORDER BY o.organisation), '[]')"
    "  FROM campaign_organisation o JOIN organisation g ON g.id = o.organisation"
    "  LEFT JOIN n ON n.organisation = o.organisation WHERE o.campaign = c.id))::text"
    " FROM campaign c WHERE c.id = $1::bigint"};
