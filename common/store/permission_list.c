#include "store/permission.h"

const struct statement permission_list_statement = {
    "permission_list", 2,
    "SELECT d.id, d.name, o.name_en, o.st, o.l, COALESCE(p.ou, ''), to_char(o.issue_until, 'YYYY/MM/DD'),"
    "  CASE WHEN o.state = 'active' THEN d.state ELSE 'closed' END"
    " FROM (SELECT id, organisation, name, state FROM domain WHERE id > $1::bigint ORDER BY id LIMIT $2::integer) d"
    " JOIN organisation o ON o.id = d.organisation LEFT JOIN permitted_ou p ON p.organisation = o.id"
    " ORDER BY d.id, p.ou"};

int64_t permission_list(struct db *db, int64_t after, int domains, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, after);
    db_add_int32(&args, domains);
    return db_run(db, &permission_list_statement, &args, ret);
}
