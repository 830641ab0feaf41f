#include "store/job.h"

const struct statement job_split_statement = {
    "job_split", 2,
    "WITH ended AS ("
    "  DELETE FROM job WHERE id = $1::bigint AND token = $2::bigint AND seq_from < seq_to"
    "  RETURNING stage, turn, organisation, upload, campaign, seq_from, seq_to),"
    "lines AS ("
    "  INSERT INTO job (stage, turn, organisation, upload, campaign, seq_from, seq_to)"
    "  SELECT stage, turn, organisation, upload, campaign, seq, seq FROM ended, generate_series(seq_from, seq_to) seq),"
    /* a campaign counts items, not chunks */
    "counted AS ("
    "  UPDATE upload SET open_chunks = open_chunks + ended.seq_to - ended.seq_from FROM ended"
    "   WHERE upload.id = ended.upload)"
    "SELECT 1 FROM ended"};

int job_split(struct db *db, const struct job *job) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, job->id);
    db_add_int64(&args, job->token);
    _cleanup_rows_ struct db_rows *rows = NULL;
    return (int) db_run(db, &job_split_statement, &args, &rows);
}
