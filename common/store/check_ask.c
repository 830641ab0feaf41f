#include "store/check.h"

const struct statement check_ask_statement = {
    "check_ask", 3,
    "WITH asked AS ("
    "  INSERT INTO job (stage, turn, organisation, upload, subject)"
    "  SELECT 'ask', job_turn('ask', $2::bigint) + row_number() OVER (ORDER BY d.name) - 1, $2::bigint, u.id, d.name"
    "    FROM upload u JOIN domain d ON d.id IN ("
    "      SELECT unnest(domains) FROM application WHERE upload = $1::bigint AND state = 'valid')"
    "   WHERE u.id = $1::bigint AND whois_fresh(d.name, u.created - $3::bigint * interval '1 microsecond') IS NULL"
    "  ON CONFLICT DO NOTHING RETURNING id)"
    "UPDATE upload SET open_asks = (SELECT count(*) FROM asked) WHERE id = $1::bigint"
    " RETURNING open_asks, (SELECT min(id) FROM asked)"};

int64_t check_ask(struct db *db, int64_t upload, int64_t organisation, int64_t cache_usec, int64_t *ret_job) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, upload);
    db_add_int64(&args, organisation);
    db_add_int64(&args, cache_usec);
    int64_t n = db_run(db, &check_ask_statement, &args, &rows);
    if (n <= 0)
        return n;
    *ret_job = db_int64(rows, 0, 1);
    return db_int64(rows, 0, 0);
}
