#include "store/decide.h"

const struct statement decide_finish_statement = {
    "decide_finish", 6,
    "UPDATE upload SET state = $2::text, errors = $3::text::jsonb, rows_ok = $4::integer, rows_ng = $5::integer,"
    "  open_chunks = $6::integer, decided = inkan_now(),"
    "  ended = CASE WHEN $2::text IN ('rejected', 'done') THEN inkan_now() END"
    " WHERE id = $1::bigint"};

int64_t decide_finish(struct db *db, int64_t upload, const char *state, const char *errors,
                      const struct decide_counts *counts, int64_t open_chunks) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, upload);
    db_add_text(&args, state);
    db_add_text(&args, errors);
    db_add_int32(&args, (int32_t) (counts->rows - counts->bad));
    db_add_int32(&args, (int32_t) counts->bad);
    db_add_int32(&args, (int32_t) open_chunks);
    return db_run(db, &decide_finish_statement, &args, NULL);
}
