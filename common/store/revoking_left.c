#include "store/revoking.h"

const struct statement revoking_left_statement = {
    "revoking_left", 3,
    "SELECT a.id, r.revoked FROM application a LEFT JOIN revocation r ON r.certificate = a.target"
    " WHERE a.upload = $1::bigint AND a.seq BETWEEN $2::integer AND $3::integer AND a.state = 'valid'"
    "   AND r.application IS DISTINCT FROM a.id ORDER BY a.id"};

int64_t revoking_left(struct db *db, const struct job *job, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, job->upload);
    db_add_int32(&args, job->seq_from);
    db_add_int32(&args, job->seq_to);
    return db_run(db, &revoking_left_statement, &args, ret);
}
