#include "store/decide.h"

const struct statement decide_refuse_statement = {
    "decide_refuse", 1, "UPDATE application SET state = 'refused' WHERE upload = $1::bigint AND state = 'valid'"};

int64_t decide_refuse(struct db *db, int64_t upload) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, upload);
    return db_run(db, &decide_refuse_statement, &args, NULL);
}
