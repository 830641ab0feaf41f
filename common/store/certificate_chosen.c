#include "store/certificate.h"

const struct statement certificate_chosen_statement = {"certificate_chosen", 1,
                                                       "SELECT " CERTIFICATE_COLUMNS CERTIFICATE_TABLES
                                                       " AND c.application = ANY ($1::bigint[]) ORDER BY c.id DESC"};

int64_t certificate_chosen(struct db *db, const int64_t *applications, size_t n, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64_array(&args, applications, n);
    return db_run(db, &certificate_chosen_statement, &args, ret);
}
