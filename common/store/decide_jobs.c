#include "store/decide.h"

/* Chunks of the organisation's own come one after the other; those of others in between (job_turn()). */
const struct statement decide_jobs_statement = {
    "decide_jobs", 4,
    "WITH made AS ("
    "  INSERT INTO job (stage, turn, organisation, upload, seq_from, seq_to)"
    "  SELECT $4::text, job_turn($4::text, $2::bigint) + chunk, $2::bigint, $1::bigint, min(seq), max(seq)"
    "    FROM (SELECT seq, (row_number() OVER (ORDER BY seq) - 1) / $3::integer AS chunk FROM application"
    "           WHERE upload = $1::bigint AND state = 'valid') AS accepted"
    "   GROUP BY chunk ORDER BY chunk RETURNING id)"
    "SELECT count(*), min(id) FROM made"};

int64_t decide_jobs(struct db *db, int64_t upload, int64_t organisation, enum stage stage, int lines,
                    int64_t *ret_job) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, upload);
    db_add_int64(&args, organisation);
    db_add_int32(&args, lines);
    db_add_text(&args, stage_name(stage));
    int64_t n = db_run(db, &decide_jobs_statement, &args, &rows);
    if (n <= 0)
        return n;
    *ret_job = db_int64(rows, 0, 1);
    return db_int64(rows, 0, 0);
}
