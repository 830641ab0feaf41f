#include "store/register.h"
#include "store/sql.h"

#define OU_JSON                                                                                                        \
    "json_build_object('organisation', p.organisation, 'ou', p.ou, 'created', " SQL_TIME("p.created") ")::text"

const struct statement ou_add_statement = {
    "ou_add", 3,
    "WITH old AS (SELECT FROM permitted_ou WHERE false),"
    "new AS (INSERT INTO permitted_ou (organisation, ou) VALUES ($1::bigint, $2::text)"
    "  ON CONFLICT DO NOTHING RETURNING *)," SQL_REGISTER_CHANGED("new.organisation", "'ou ' || new.ou",
                                                                  "$3") "SELECT " OU_JSON " FROM new p"};

const struct statement ou_list_statement = {
    "ou_list", 1,
    "SELECT " OU_JSON " FROM permitted_ou p WHERE $1::bigint IS NULL OR p.organisation = $1::bigint"
    " ORDER BY p.organisation, p.ou"};

/* The organisation's row is what the signing transactions hold FOR SHARE. */
const struct statement ou_remove_statement = {
    "ou_remove", 3,
    "WITH held AS (SELECT id FROM organisation WHERE id = $1::bigint FOR UPDATE),"
    "old AS (DELETE FROM permitted_ou p USING held WHERE p.organisation = held.id AND p.ou = $2::text RETURNING p.*),"
    "told AS (INSERT INTO audit_event (kind, organisation, subject, detail)"
    "  SELECT 'register_changed', organisation, 'ou ' || ou,"
    "   jsonb_build_object('before', to_jsonb(old), 'after', NULL, 'by', $3::text) FROM old)"
    "SELECT " OU_JSON " FROM old p"};
