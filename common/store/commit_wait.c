#include "store/measure.h"

/* A commit that waits for the synchronous replica is an active session; which ones wait is told to their own role. */
const struct statement commit_wait_statement = {
    "commit_wait", 0,
    "SELECT COALESCE((extract(epoch FROM max(clock_timestamp() - state_change)) * 1000000)::bigint, 0)"
    " FROM pg_stat_activity WHERE usename = current_user AND wait_event = 'SyncRep'"};

int64_t commit_wait(struct db *db) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = db_run(db, &commit_wait_statement, NULL, &rows);
    return n < 0 ? n : db_int64(rows, 0, 0);
}
