#include "store/upload.h"

const struct statement upload_lines_statement = {
    "upload_lines", 4,
    "SELECT seq, upload_line_of(upload, seq) FROM application"
    " WHERE upload = $1::bigint AND seq > $2::bigint AND (NOT $3::boolean OR errors <> '[]') ORDER BY seq LIMIT "
    "$4::integer"};

int64_t upload_lines(struct db *db, int64_t upload, int64_t after_seq, bool ng_only, int limit, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, upload);
    db_add_int64(&args, after_seq);
    db_add_bool(&args, ng_only);
    db_add_int32(&args, limit);
    return db_run(db, &upload_lines_statement, &args, ret);
}
