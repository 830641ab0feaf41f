#include "store/upload.h"

const struct statement upload_any_statement = {
    "upload_any", 0, "SELECT 1 WHERE EXISTS (SELECT FROM job WHERE stage IN ('check', 'decide', 'sign'))"};

int upload_any(struct db *db) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    return (int) db_run(db, &upload_any_statement, NULL, &rows);
}
