#include "store/audit.h"
#include "store/sql.h"

/* $1 upload or null, $2 kind or null, $3 how many: the newest, oldest first. */
const struct statement audit_list_statement = {
    "audit_list", 3,
    "SELECT json_build_object('at', " SQL_TIME(
        "e.at") ", 'xid', e.xid::text, 'id', e.id, 'actor', e.actor, 'kind', e.kind,"
                " 'organisation', e.organisation, 'upload', e.upload, 'application', e.application, 'subject', "
                "e.subject,"
                " 'detail', e.detail)::text"
                " FROM (SELECT * FROM audit_event WHERE ($1::bigint IS NULL OR upload = $1::bigint)"
                "  AND ($2::text IS NULL OR kind = $2::text) ORDER BY xid DESC, id DESC LIMIT $3::bigint) AS e ORDER "
                "BY e.xid, e.id"};
