#include "store/upload.h"

const struct statement upload_forget_statement = {
    "upload_forget", 2,
    "UPDATE upload SET idempotency_key = NULL WHERE organisation = $1::bigint AND idempotency_key = $2::text"
    " AND created < inkan_now() - interval '30 days'"};

int upload_forget(struct db *db, int64_t organisation, const char *idempotency_key) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, organisation);
    db_add_text(&args, idempotency_key);
    return (int) db_run(db, &upload_forget_statement, &args, NULL);
}
