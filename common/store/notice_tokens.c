#include "store/notice.h"

const struct statement notice_tokens_statement = {
    "notice_tokens", 2,
    "UPDATE link SET token_hash = t.hash FROM unnest($1::bigint[], $2::bytea[]) AS t (link, hash)"
    " WHERE link.id = t.link AND link.token_hash IS DISTINCT FROM t.hash"};

int64_t notice_tokens(struct db *db, const int64_t *links, const struct db_bytes *hashes, size_t n) {
    _cleanup_args_ struct db_args args = {0};
    if (n == 0)
        return 0;
    db_add_int64_array(&args, links, n);
    db_add_bytes_array(&args, hashes, n);
    return db_run(db, &notice_tokens_statement, &args, NULL);
}
