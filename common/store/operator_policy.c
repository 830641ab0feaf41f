#include "store/operator.h"
#include "store/sql.h"

const struct statement policy_load_statement = {
    "policy_load", 4,
    "WITH kept AS (INSERT INTO policy (hash, name, body) VALUES ($1::bytea, $2::text, $3::text)"
    "  ON CONFLICT (hash) DO NOTHING),"
    "old AS (SELECT policy FROM service FOR UPDATE),"
    "new AS (UPDATE service SET policy = $1::bytea FROM old WHERE old.policy IS DISTINCT FROM $1::bytea"
    "  RETURNING old.policy AS before),"
    "told AS (INSERT INTO audit_event (kind, subject, detail) SELECT 'policy_changed', $2::text,"
    "  jsonb_build_object('before', encode(before, 'hex'), 'after', encode($1::bytea, 'hex'), 'by', $4::text) FROM "
    "new) "
    "SELECT json_build_object('policy', $2::text, 'sha256', encode($1::bytea, 'hex'), 'before', encode(before, 'hex'),"
    "  'undecided_uploads', (SELECT count(*) FROM upload WHERE state = 'checking'))::text FROM new"};

const struct statement policy_list_statement = {
    "policy_list", 0,
    "SELECT json_build_object('name', p.name, 'in_force', s.policy IS NOT NULL, 'installed', " SQL_TIME(
        "p.installed") ","
                       " 'sha256', encode(p.hash, 'hex'))::text"
                       " FROM policy p LEFT JOIN service s ON s.policy = p.hash ORDER BY p.installed"};

const struct statement policy_show_statement = {
    "policy_show", 0,
    "SELECT json_build_object('name', p.name, 'sha256', encode(p.hash, 'hex'), 'installed', " SQL_TIME(
        "p.installed") ","
                       " 'body', p.body)::text FROM service s JOIN policy p ON p.hash = s.policy"};
