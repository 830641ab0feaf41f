#include "store/register.h"
#include "store/sql.h"

#define REGISTRAR_JSON                                                                                                 \
    "json_build_object('id', r.id, 'organisation', r.organisation, 'name', r.name, 'mail', r.mail, 'state', r.state,"  \
    " 'fingerprint', encode(r.fingerprint, 'hex'))::text"

const struct statement registrar_add_statement = {
    "registrar_add", 5,
    "WITH old AS (SELECT FROM registrar WHERE false),"
    "new AS (INSERT INTO registrar (organisation, name, mail, fingerprint)"
    " VALUES ($1::bigint, $2::text, $3::text, $4::bytea)"
    " ON CONFLICT (fingerprint) DO NOTHING RETURNING *)," SQL_REGISTER_CHANGED(
        "new.organisation", "'registrar ' || new.id", "$5") "SELECT " REGISTRAR_JSON " FROM new r"};

const struct statement registrar_list_statement = {
    "registrar_list", 2,
    "SELECT " REGISTRAR_JSON " FROM registrar r WHERE ($1::bigint IS NULL OR r.organisation = $1::bigint)"
    " AND ($2::bigint IS NULL OR r.id = $2::bigint) ORDER BY r.organisation, r.id"};

const struct statement registrar_change_statement = {
    "registrar_change", 6,
    "WITH old AS (SELECT * FROM registrar WHERE id = $1::bigint FOR UPDATE),"
    "new AS (UPDATE registrar r SET name = COALESCE($2::text, r.name), mail = COALESCE($3::text, r.mail),"
    "  fingerprint = COALESCE($4::bytea, r.fingerprint), state = COALESCE($5::text, r.state)"
    "  FROM old WHERE r.id = old.id RETURNING r.*)," SQL_REGISTER_CHANGED("new.organisation", "'registrar ' || new.id",
                                                                          "$6") "SELECT " REGISTRAR_JSON " FROM new r"};
