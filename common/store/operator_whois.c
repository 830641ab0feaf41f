#include "store/operator.h"
#include "store/sql.h"

const struct statement whois_request_statement = {
    "whois_request", 1,
    "INSERT INTO job (stage, subject) VALUES ('ask', $1::text)"
    " ON CONFLICT (stage, subject) WHERE organisation IS NULL DO NOTHING"};

const struct statement whois_cancel_statement = {
    "whois_cancel", 1,
    "DELETE FROM job WHERE stage = 'ask' AND subject = $1::text AND organisation IS NULL AND upload IS NULL"};

const struct statement whois_mark_statement = {"whois_mark", 0, "SELECT COALESCE(max(id), 0) FROM whois_answer"};

const struct statement whois_newer_statement = {
    "whois_newer", 2,
    "SELECT json_build_object('domain', w.domain, 'outcome', w.outcome, 'registrant_ja', w.registrant_ja,"
    " 'registrant_en', w.registrant_en, 'status', w.status, 'server', w.server, 'detail', w.detail,"
    " 'asked', " SQL_TIME(
        "w.asked") ")::text"
                   " FROM whois_answer w WHERE w.domain = $1::text AND w.id > $2::bigint ORDER BY w.id DESC LIMIT 1"};

/* Answers that an undecided upload may rest on stay. */
const struct statement whois_flush_statement = {
    "whois_flush", 1,
    "WITH wanted AS (SELECT w.id, EXISTS (SELECT FROM domain d JOIN upload u ON u.organisation = d.organisation"
    "   WHERE d.name = w.domain AND u.state IN ('received', 'checking')) AS needed"
    "  FROM whois_answer w WHERE $1::text IS NULL OR w.domain = $1::text),"
    "gone AS (DELETE FROM whois_answer w USING wanted WHERE w.id = wanted.id AND NOT wanted.needed RETURNING w.id) "
    "SELECT json_build_object('deleted', (SELECT count(*) FROM gone),"
    " 'kept_for_undecided_uploads', (SELECT count(*) FROM wanted WHERE needed))::text"};
