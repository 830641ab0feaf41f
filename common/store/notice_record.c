#include "store/notice.h"

const struct statement notice_record_statement = {
    "notice_record", 3,
    "UPDATE notice n SET state = r.state, reply = r.reply, attempts = n.attempts + 1,"
    "  ended = CASE WHEN r.state <> 'queued' THEN inkan_now() END"
    " FROM unnest($1::bigint[], $2::text[], $3::text[]) AS r (id, state, reply)"
    " WHERE n.id = r.id AND n.state = 'queued'"};

int64_t notice_record(struct db *db, const int64_t *notices, const char *const *states, const char *const *replies,
                      size_t n) {
    _cleanup_args_ struct db_args args = {0};
    if (n == 0)
        return 0;
    db_add_int64_array(&args, notices, n);
    db_add_text_array(&args, states, n);
    db_add_text_array(&args, replies, n);
    return db_run(db, &notice_record_statement, &args, NULL);
}
