#include "store/operator.h"

#define RFC3339 "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'"

const struct statement status_service_statement = {
    "status_service", 0,
    "SELECT json_build_object('time', to_char(inkan_now() AT TIME ZONE 'UTC', " RFC3339 "),"
    " 'halted', s.halted, 'reason', s.halt_reason, 'policy', p.name,"
    " 'schema', (SELECT max(number) FROM schema_migration))::text"
    " FROM service s LEFT JOIN policy p ON p.hash = s.policy"};

/* due: ready or in work; later: periodic work that waits for its time, and what is tried again. */
const struct statement status_queues_statement = {
    "status_queues", 1,
    "SELECT json_build_object('stage', name,"
    " 'due', count(j.id) FILTER (WHERE due <= clock_timestamp() OR worker IS NOT NULL),"
    " 'later', count(j.id) FILTER (WHERE due > clock_timestamp() AND worker IS NULL),"
    " 'overdue_sec', greatest(0, COALESCE(extract(epoch FROM max(clock_timestamp() - due))::bigint, 0)))::text"
    " FROM unnest($1::text[]) WITH ORDINALITY AS w (name, place) LEFT JOIN job j ON stage = name"
    " GROUP BY place, name ORDER BY place"};

/* crl_life_sec: nextUpdate - thisUpdate. responder_left_sec: of the responder in use whose certificate ends first; null: none is in use. */
const struct statement status_issuers_statement = {
    "status_issuers", 0,
    "SELECT json_build_object('issuer', i.id, 'name', i.name, 'active', i.active,"
    " 'shards', i.crl_shards, 'crls', c.n, 'crl_number', c.number,"
    " 'crl_next_update', to_char(c.next_update AT TIME ZONE 'UTC', " RFC3339 "),"
    " 'crl_left_sec', extract(epoch FROM c.next_update - inkan_now())::bigint,"
    " 'crl_life_sec', extract(epoch FROM c.life)::bigint, 'responders', o.n,"
    " 'responder_left_sec', extract(epoch FROM o.not_after - inkan_now())::bigint)::text, i.certificate"
    " FROM issuer i,"
    " LATERAL (SELECT count(*) AS n, max(number) AS number, min(next_update) AS next_update,"
    "   min(next_update - this_update) AS life FROM crl WHERE issuer = i.id) c,"
    " LATERAL (SELECT count(*) AS n, min(COALESCE(newest, 'epoch')) AS not_after FROM ("
    "   SELECT (SELECT max(not_after) FROM ocsp_certificate WHERE issuer = i.id AND spki = r.spki) AS newest"
    "     FROM ocsp_responder r WHERE r.wanted > inkan_now() - interval '2 hours') AS each) o"
    " ORDER BY i.id"};

const struct statement status_whois_statement = {
    "status_whois", 0,
    "SELECT json_build_object('server', server, 'answers', count(*),"
    " 'unreachable', count(*) FILTER (WHERE outcome = 'unreachable'),"
    " 'last_sec', extract(epoch FROM clock_timestamp() - max(asked))::bigint,"
    " 'last', (array_agg(outcome ORDER BY id DESC))[1], 'detail', (array_agg(detail ORDER BY id DESC))[1])::text"
    " FROM (SELECT id, COALESCE(server, '-') AS server, outcome, detail, asked"
    "         FROM whois_answer ORDER BY id DESC LIMIT 1000) AS newest"
    " WHERE asked > clock_timestamp() - interval '1 day' GROUP BY server ORDER BY server"};

const struct statement status_mails_statement = {
    "status_mails", 0,
    "SELECT json_build_object('waiting', (SELECT count(*) FROM notice WHERE state = 'queued'),"
    " 'oldest_sec', extract(epoch FROM inkan_now() - q.dated)::bigint, 'attempts', q.attempts, 'reply', q.reply,"
    " 'refused', (SELECT count(*) FROM notice WHERE state = 'failed' AND ended > inkan_now() - interval '1 day'),"
    " 'refused_reply', f.reply, 'refused_recipient', f.recipient)::text"
    " FROM (SELECT) AS one"
    " LEFT JOIN LATERAL (SELECT dated, attempts, reply FROM notice"
    "   WHERE state = 'queued' ORDER BY dated LIMIT 1) q ON true"
    " LEFT JOIN LATERAL (SELECT reply, recipient FROM notice"
    "   WHERE state = 'failed' AND ended > inkan_now() - interval '1 day' ORDER BY ended DESC LIMIT 1) f ON true"};

const struct statement status_audit_statement = {
    "status_audit", 0,
    "SELECT json_build_object('seal', s.number,"
    " 'sealed_sec', extract(epoch FROM clock_timestamp() - s.at)::bigint,"
    " 'unsealed_sec', (SELECT COALESCE(extract(epoch FROM clock_timestamp() - min(at))::bigint, 0)"
    "   FROM audit_event WHERE xid >= audit_sealed()),"
    " 'other_cluster', audit_sealed() > audit_finished(),"
    " 'head', h.detail ->> 'head', 'head_mailed', (h.detail ->> 'mailed')::integer,"
    " 'head_left', to_char(h.at AT TIME ZONE 'UTC', " RFC3339 "),"
    " 'head_sec', extract(epoch FROM clock_timestamp() - h.at)::bigint,"
    " 'first_sec', extract(epoch FROM clock_timestamp()"
    "   - (SELECT at FROM audit_seal ORDER BY number LIMIT 1))::bigint,"
    " 'drilled', to_char(d.at AT TIME ZONE 'UTC', " RFC3339 "),"
    " 'drill_sec', extract(epoch FROM clock_timestamp() - d.at)::bigint,"
    " 'drill', d.detail ->> 'comment')::text"
    " FROM (SELECT) AS one"
    " LEFT JOIN LATERAL (SELECT number, at FROM audit_seal ORDER BY number DESC LIMIT 1) s ON true"
    " LEFT JOIN LATERAL (SELECT at, detail FROM audit_event"
    "   WHERE kind = 'head_kept' ORDER BY xid DESC, id DESC LIMIT 1) h ON true"
    " LEFT JOIN LATERAL (SELECT at, detail FROM audit_event"
    "   WHERE kind = 'restore_drilled' ORDER BY xid DESC, id DESC LIMIT 1) d ON true"};
