#include "store/link.h"
#include "store/operator.h"
#include "store/sql.h"

const struct statement link_resend_by_operator_statement = {
    "link_resend_by_operator", 6,
    "SELECT json_build_object('status', status, 'application', application::text, 'serial', '0x' || encode(serial, "
    "'hex'),"
    "  'manager_mail', recipient, 'expires', " SQL_TIME(
        "new_expires") ")::text"
                       " FROM link_resend_by_operator($1::bytea, $2::bigint, $3::integer, $4::text, $5::text, "
                       "$6::text)"};

const struct statement link_list_by_operator_statement = {
    "link_list_by_operator", 3,
    "SELECT json_build_object('organisation', organisation, 'application', application::text, 'serial', '0x' || "
    "encode(serial, 'hex'),"
    "  'cn', cn, 'manager_mail', manager_mail, 'state', state, 'sent', " SQL_TIME("sent") ", 'expires', " SQL_TIME(
        "expires") ")::text"
                   " FROM (SELECT c.organisation, " LINK_LIST_COLUMNS LINK_LIST_TABLES
                   "  WHERE certificate_valid(c) AND ($1::bigint = 0 OR c.organisation = $1::bigint) AND (NOT "
                   "$2::boolean OR c.fetched IS NULL)"
                   "  ORDER BY c.id LIMIT $3::integer) AS listed"};
