#include "store/operator.h"

const struct statement issuer_add_statement = {
    "issuer_add", 6,
    "WITH new AS (INSERT INTO issuer (id, name, certificate, root, crl_shards, active)"
    " SELECT COALESCE(max(id), 0) + 1, $1::text, $2::bytea, $3::bytea, $4::integer, NOT COALESCE(bool_or(active), "
    "false)"
    "   FROM issuer ON CONFLICT (name) DO NOTHING RETURNING id, active),"
    "told AS (INSERT INTO audit_event (kind, subject, detail) SELECT 'issuer_added', 'issuer ' || id,"
    "  jsonb_build_object('name', $1::text, 'sha256', $6::text, 'shards', $4::integer, 'active', active, 'by', "
    "$5::text)"
    "  FROM new) "
    "SELECT json_build_object('issuer', id, 'active', active)::text FROM new"};

const struct statement audit_key_add_statement = {
    "audit_key_add", 2, "INSERT INTO audit_key (id, public) VALUES ($1::bytea, $2::bytea) ON CONFLICT (id) DO NOTHING"};

const struct statement issuer_list_statement = {
    "issuer_list", 0, "SELECT id, name, active, crl_shards, certificate FROM issuer ORDER BY id"};

const struct statement issuer_rest_statement = {"issuer_rest", 1,
                                                "UPDATE issuer SET active = false WHERE active AND id <> $1::bigint"};

const struct statement issuer_activate_statement = {
    "issuer_activate", 2,
    "WITH new AS (UPDATE issuer SET active = true WHERE id = $1::bigint RETURNING id, name),"
    "told AS (INSERT INTO audit_event (kind, subject, detail) SELECT 'issuer_changed', 'issuer ' || id,"
    "  jsonb_build_object('active', true, 'by', $2::text) FROM new) "
    "SELECT json_build_object('issuer', id, 'name', name, 'active', true)::text FROM new"};

const struct statement issuer_renew_statement = {
    "issuer_renew", 4,
    "WITH old AS (SELECT id, certificate FROM issuer WHERE id = $1::bigint FOR UPDATE),"
    "new AS (UPDATE issuer i SET certificate = $2::bytea FROM old WHERE i.id = old.id"
    "  RETURNING i.id, old.certificate AS before),"
    "told AS (INSERT INTO audit_event (kind, subject, detail) SELECT 'issuer_changed', 'issuer ' || id,"
    "  jsonb_build_object('before', encode(sha256(before), 'hex'), 'after', $4::text, 'by', $3::text) FROM new) "
    "SELECT json_build_object('issuer', id, 'before', encode(sha256(before), 'hex'), 'sha256', $4::text)::text FROM "
    "new"};

/* What keeps the CRLs and OCSP of a CA going is given up only when nobody can need them any more. */
const struct statement issuer_retire_statement = {
    "issuer_retire", 2,
    "WITH old AS (SELECT id, name FROM issuer i WHERE id = $1::bigint AND NOT active AND NOT EXISTS ("
    "  SELECT FROM certificate c WHERE c.issuer = i.id AND c.not_after >= inkan_now())),"
    "gone AS (DELETE FROM job j USING old WHERE j.stage IN ('crl', 'ocsp')"
    "  AND split_part(j.subject, '-', 1) = old.id::text RETURNING j.id),"
    "told AS (INSERT INTO audit_event (kind, subject, detail) SELECT 'issuer_changed', 'issuer ' || id,"
    "  jsonb_build_object('retired', true, 'by', $2::text) FROM old) "
    "SELECT json_build_object('issuer', id, 'name', name, 'jobs', (SELECT count(*) FROM gone))::text FROM old"};
