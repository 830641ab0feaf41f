#include "store/check.h"

const struct statement check_lines_statement = {"check_lines", 3,
                                                "SELECT seq, line FROM upload_line WHERE upload = $1::bigint AND seq "
                                                "BETWEEN $2::integer AND $3::integer ORDER BY seq"};

int64_t check_lines(struct db *db, const struct job *job, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, job->upload);
    db_add_int32(&args, job->seq_from);
    db_add_int32(&args, job->seq_to);
    return db_run(db, &check_lines_statement, &args, ret);
}
