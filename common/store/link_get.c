#include "store/link.h"

const struct statement link_get_statement = {"link_get", 1,
                                             "SELECT " LINK_LIST_COLUMNS LINK_LIST_TABLES
                                             " WHERE c.organisation = inkan_organisation() AND certificate_valid(c)"
                                             " AND c.application = $1::bigint"};

int64_t link_get(struct db *db, int64_t application, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, application);
    return db_run(db, &link_get_statement, &args, ret);
}
