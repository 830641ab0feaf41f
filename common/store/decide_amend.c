#include "store/decide.h"

const struct statement decide_amend_statement = {
    "decide_amend", 2,
    "UPDATE application a SET state = CASE a.state WHEN 'valid' THEN 'refused' ELSE a.state END,"
    "  errors = (SELECT jsonb_agg(e.error ORDER BY (e.error->>'column')::integer, e.n)"
    "              FROM jsonb_array_elements(a.errors || f.errors) WITH ORDINALITY AS e (error, n))"
    " FROM (SELECT application, jsonb_agg(error::jsonb ORDER BY n) AS errors"
    "         FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS found (application, error, n) GROUP BY "
    "application) f"
    " WHERE a.id = f.application"};

int64_t decide_amend(struct db *db, const int64_t *applications, const char *const *errors, size_t n) {
    _cleanup_args_ struct db_args args = {0};
    if (n == 0)
        return 0;
    db_add_int64_array(&args, applications, n);
    db_add_text_array(&args, errors, n);
    return db_run(db, &decide_amend_statement, &args, NULL);
}
