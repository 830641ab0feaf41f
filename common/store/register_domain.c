#include "store/register.h"
#include "store/sql.h"

#define DOMAIN_JSON                                                                                                    \
    "json_build_object('name', d.name, 'organisation', d.organisation, 'state', d.state,"                              \
    " 'registrant_ja', d.registrant_ja, 'registrant_en', d.registrant_en, 'examined', " SQL_TIME(                      \
        "d.examined") ")::text"

const struct statement domain_add_statement = {
    "domain_add", 6,
    "WITH old AS (SELECT FROM domain WHERE false),"
    "new AS (INSERT INTO domain (organisation, name, registrant_ja, registrant_en, state, examined)"
    " VALUES ($1::bigint, $2::text, $3::text, $4::text, $5::text,"
    "  CASE WHEN $3::text IS NOT NULL OR $4::text IS NOT NULL THEN now() END)"
    " ON CONFLICT (name) DO NOTHING RETURNING *)," SQL_REGISTER_CHANGED("new.organisation", "'domain ' || new.name",
                                                                        "$6") "SELECT " DOMAIN_JSON " FROM new d"};

const struct statement domain_list_statement = {
    "domain_list", 2,
    "SELECT " DOMAIN_JSON " FROM domain d WHERE ($1::bigint IS NULL OR d.organisation = $1::bigint)"
    " AND ($2::text IS NULL OR d.name = $2::text) ORDER BY d.organisation, d.name"};

const struct statement domain_change_statement = {
    "domain_change", 7,
    "WITH old AS (SELECT * FROM domain WHERE name = $1::text FOR UPDATE),"
    "new AS (UPDATE domain d SET registrant_ja = NULLIF(COALESCE($2::text, d.registrant_ja), ''),"
    "  registrant_en = NULLIF(COALESCE($3::text, d.registrant_en), ''), state = COALESCE($4::text, d.state),"
    "  examined = CASE WHEN $5::boolean THEN now() ELSE d.examined END,"
    "  organisation = COALESCE($6::bigint, d.organisation)"
    "  FROM old WHERE d.id = old.id RETURNING d.*)," SQL_REGISTER_CHANGED("new.organisation", "'domain ' || new.name",
                                                                          "$7") "SELECT " DOMAIN_JSON " FROM new d"};
