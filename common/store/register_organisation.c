#include "store/register.h"
#include "store/sql.h"

#define ORGANISATION_JSON                                                                                              \
    "json_build_object('id', o.id, 'name_en', o.name_en, 'name_ja', o.name_ja, 'st', o.st, 'l', o.l, 'state', "        \
    "o.state,"                                                                                                         \
    " 'issue_until', o.issue_until, 'match_key', o.match_key)::text"

const struct statement organisation_find_statement = {
    "organisation_find", 1, "SELECT id FROM organisation WHERE id::text = $1::text OR name_en = $1::text"};

const struct statement organisation_add_statement = {
    "organisation_add", 7,
    "WITH old AS (SELECT FROM organisation WHERE false),"
    "new AS (INSERT INTO organisation (name_ja, name_en, st, l, issue_until, match_key)"
    " VALUES ($1::text, $2::text, $3::text, $4::text, $5::text::date, $6::text) RETURNING *)," SQL_REGISTER_CHANGED(
        "new.id", "'organisation ' || new.id", "$7") "SELECT " ORGANISATION_JSON " FROM new o"};

const struct statement organisation_list_statement = {
    "organisation_list", 1,
    "SELECT " ORGANISATION_JSON " FROM organisation o WHERE $1::bigint IS NULL OR o.id = $1::bigint ORDER BY o.id"};

const struct statement organisation_change_statement = {
    "organisation_change", 9,
    "WITH old AS (SELECT * FROM organisation WHERE id = $1::bigint FOR UPDATE),"
    "new AS (UPDATE organisation o SET name_ja = COALESCE($2::text, o.name_ja), name_en = COALESCE($3::text, "
    "o.name_en),"
    "  st = COALESCE($4::text, o.st), l = COALESCE($5::text, o.l),"
    "  issue_until = COALESCE($6::text::date, o.issue_until),"
    "  match_key = NULLIF(COALESCE($7::text, o.match_key), ''), state = COALESCE($8::text, o.state)"
    "  FROM old WHERE o.id = old.id RETURNING o.*)," SQL_REGISTER_CHANGED(
        "new.id", "'organisation ' || new.id", "$9") "SELECT " ORGANISATION_JSON " FROM new o"};
