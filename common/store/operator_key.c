#include "store/operator.h"

/* service_lock goes first. In sorted order, as the decisions reserve keys. What was issued with such a key is counted, for inkanctl
 * revoke, and what was accepted, which the signer refuses. */
const struct statement key_block_statement = {
    "key_block", 3,
    "WITH wanted AS (SELECT DISTINCT h FROM unnest($1::bytea[]) AS h),"
    "made AS (INSERT INTO key_seen AS k (spki_hash, blocked) SELECT h, true FROM wanted ORDER BY h"
    "  ON CONFLICT (spki_hash) DO UPDATE SET blocked = true WHERE NOT k.blocked RETURNING spki_hash, application),"
    "told AS (INSERT INTO audit_event (kind, application, subject, detail)"
    "  SELECT 'key_blocked', application, encode(spki_hash, 'hex'),"
    "         jsonb_build_object('reason', $2::text, 'by', $3::text) FROM made ORDER BY spki_hash),"
    "used AS (SELECT c.id AS certificate FROM wanted JOIN key_seen k ON k.spki_hash = wanted.h"
    "  JOIN application a ON a.id = k.application JOIN upload u ON u.id = a.upload"
    "  LEFT JOIN certificate c ON c.application = a.id"
    "  WHERE CASE WHEN c.id IS NULL THEN a.state = 'valid' AND u.state = 'accepted' ELSE certificate_valid(c) END) "
    "SELECT json_build_object('blocked', (SELECT count(*) FROM made),"
    "  'blocked_before', (SELECT count(*) FROM wanted) - (SELECT count(*) FROM made),"
    "  'certificates', (SELECT count(certificate) FROM used),"
    "  'in_flight', (SELECT count(*) FROM used WHERE certificate IS NULL))::text"};

const struct statement key_show_statement = {
    "key_show", 1,
    "SELECT json_build_object('spki', encode(k.spki_hash, 'hex'), 'blocked', k.blocked, 'application', k.application,"
    "  'certificate', '0x' || encode(c.serial, 'hex'))::text"
    " FROM key_seen k LEFT JOIN certificate c ON c.application = k.application WHERE k.spki_hash = $1::bytea"};
