#include "store/check.h"

const struct statement check_scope_statement = {
    "check_scope", 1,
    "SELECT u.organisation, u.kind, o.name_en, o.st, o.l, o.match_key, u.policy, u.state = 'checking',"
    "  (inkan_now() AT TIME ZONE interval '9 hours')::date > o.issue_until,"
    "  d.ids, d.permitted, d.names,"
    "  ARRAY(SELECT ou FROM permitted_ou WHERE organisation = o.id)"
    " FROM upload u JOIN organisation o ON o.id = u.organisation"
    " CROSS JOIN LATERAL (SELECT array_agg(id) AS ids, array_agg((state = 'permitted')::integer::bigint) AS permitted,"
    "    array_agg(name) AS names FROM domain WHERE organisation = o.id) d"
    " WHERE u.id = $1::bigint"};

int check_scope(struct db *db, int64_t upload, struct check_scope *ret) {
    _cleanup_args_ struct db_args args = {0};
    *ret = (struct check_scope){0};
    db_add_int64(&args, upload);
    int64_t n = db_run(db, &check_scope_statement, &args, &ret->rows);
    if (n <= 0)
        return (int) n;
    const struct db_rows *rows = ret->rows;
    ret->organisation = db_int64(rows, 0, 0);
    ret->kind = db_text(rows, 0, 1);
    ret->o = db_text(rows, 0, 2);
    ret->st = db_text(rows, 0, 3);
    ret->l = db_text(rows, 0, 4);
    ret->match_key = db_text(rows, 0, 5);
    ret->policy = db_bytes(rows, 0, 6);
    ret->checking = db_bool(rows, 0, 7);
    ret->expired = db_bool(rows, 0, 8);
    size_t ids = 0, permitted = 0, names = 0;
    ret->domain_id = db_int64_array(rows, 0, 9, &ids);
    ret->domain_permitted = db_int64_array(rows, 0, 10, &permitted);
    ret->domain_name = db_text_array(rows, 0, 11, &names);
    ret->ous = db_text_array(rows, 0, 12, &ret->ous_count);
    if (!ret->ous || !ret->domain_id || !ret->domain_permitted || !ret->domain_name || ids != names || ids != permitted)
        return DB_FAILED;
    ret->domains_count = ids;
    return 1;
}

void check_scope_done(struct check_scope *scope) {
    free(scope->domain_id);
    free(scope->domain_permitted);
    free(scope->domain_name);
    free(scope->ous);
    db_rows_free(scope->rows);
}
