#include "store/decide.h"

#include <stdio.h>
#include <string.h>

const struct statement decide_scope_statement = {
    "decide_scope", 2,
    "SELECT u.organisation, u.kind, u.state = 'checking', u.on_error = 'skip', u.dry_run,"
    "  u.policy IS NULL OR u.policy = $2::bytea, o.state = 'active',"
    "  (inkan_now() AT TIME ZONE interval '9 hours')::date > o.issue_until"
    " FROM upload u JOIN organisation o ON o.id = u.organisation WHERE u.id = $1::bigint FOR UPDATE OF u"};

int decide_scope(struct db *db, int64_t upload, const void *policy, size_t policy_len, struct decide_scope *ret) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, upload);
    db_add_bytes(&args, policy, policy_len);
    int64_t n = db_run(db, &decide_scope_statement, &args, &rows);
    if (n <= 0)
        return (int) n;
    *ret = (struct decide_scope){.organisation = db_int64(rows, 0, 0),
                                 .checking = db_bool(rows, 0, 2),
                                 .skip = db_bool(rows, 0, 3),
                                 .dry_run = db_bool(rows, 0, 4),
                                 .same_policy = db_bool(rows, 0, 5),
                                 .active = db_bool(rows, 0, 6),
                                 .expired = db_bool(rows, 0, 7)};
    (void) snprintf(ret->kind, sizeof(ret->kind), "%s", db_text(rows, 0, 1));
    return 1;
}
