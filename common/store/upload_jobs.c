#include "store/upload.h"

const struct statement upload_jobs_statement = {
    "upload_jobs", 4,
    "WITH made AS ("
    "  INSERT INTO job (stage, turn, organisation, upload, seq_from, seq_to)"
    "  SELECT 'check', job_turn('check', $2::bigint) + c.n - 1, $2::bigint, $1::bigint, c.f, c.t"
    "    FROM unnest($3::integer[], $4::integer[]) WITH ORDINALITY AS c (f, t, n) ORDER BY c.n RETURNING id)"
    "SELECT count(*), min(id) FROM made"};

int64_t upload_jobs(struct db *db, int64_t upload, int64_t organisation, const int32_t *from, const int32_t *to,
                    size_t n, int64_t *ret_job) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, upload);
    db_add_int64(&args, organisation);
    db_add_int32_array(&args, from, n);
    db_add_int32_array(&args, to, n);
    int64_t r = db_run(db, &upload_jobs_statement, &args, &rows);
    if (r < 0)
        return r;
    *ret_job = db_int64(rows, 0, 1);
    return db_int64(rows, 0, 0);
}
