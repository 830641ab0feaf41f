#include "store/decide.h"

const struct statement decide_rows_of_statement = {
    "decide_rows_of", 2,
    "SELECT a.id, wanted.n - 1, a.domains[1] = wanted.id FROM application a"
    " JOIN unnest($2::bigint[]) WITH ORDINALITY AS wanted (id, n) ON wanted.id = ANY (a.domains)"
    " WHERE a.upload = $1::bigint AND a.state = 'valid' ORDER BY a.id, wanted.n"};

int64_t decide_rows_of(struct db *db, int64_t upload, const int64_t *domains, size_t n, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, upload);
    db_add_int64_array(&args, domains, n);
    return db_run(db, &decide_rows_of_statement, &args, ret);
}
