#include "store/link.h"

const struct statement link_list_statement = {
    "link_list", 2,
    "SELECT " LINK_LIST_COLUMNS LINK_LIST_TABLES " WHERE c.organisation = inkan_organisation() AND certificate_valid(c)"
    " AND c.fetched IS NULL AND c.id > $1::bigint ORDER BY c.id LIMIT $2::integer"};

int64_t link_list(struct db *db, int64_t after, int limit, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, after);
    db_add_int32(&args, limit);
    return db_run(db, &link_list_statement, &args, ret);
}
