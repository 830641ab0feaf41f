#include "base/clock.h"
#include "store/job.h"

const struct statement job_next_due_statement = {
    "job_next_due", 2,
    "SELECT (extract(epoch FROM min(due) - clock_timestamp()) * 1000000)::bigint FROM job"
    " WHERE stage = ANY($1::text[]) AND due <= clock_timestamp() + interval '1 second'"
    "   AND (subject IS NULL OR $2::text IS NULL"
    "        OR split_part(subject, '-', 1) = ANY (string_to_array($2::text, ' ')))"};

int64_t job_next_due(struct db *db, unsigned stages, const char *issuers) {
    const char *names[STAGE_COUNT];
    size_t n = 0;
    for (int i = 0; i < STAGE_COUNT; i++)
        if (stages & 1u << i)
            names[n++] = stage_name((enum stage) i);
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_text_array(&args, names, n);
    db_add_text(&args, issuers);
    int64_t r = db_run(db, &job_next_due_statement, &args, &rows);
    if (r < 0)
        return r;
    if (db_is_null(rows, 0, 0))
        return -1;
    int64_t usec = db_int64(rows, 0, 0);
    return usec < 0 ? 0 : usec;
}
