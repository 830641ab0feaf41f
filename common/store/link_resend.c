#include <string.h>

#include "store/link.h"

const struct statement link_resend_statement = {
    "link_resend", 4,
    "SELECT status, new_expires, send_job FROM link_resend($1::bigint, $2::bigint, $3::integer, $4::text)"};

int link_resend(struct db *db, int64_t application, int64_t registrar, int life_days, const char *new_mail,
                enum link_status *ret, int64_t *ret_expires_usec, int64_t *ret_job) {
    _cleanup_args_ struct db_args args = {0};
    _cleanup_rows_ struct db_rows *rows = NULL;
    db_add_int64(&args, application);
    db_add_int64(&args, registrar);
    db_add_int32(&args, life_days);
    db_add_text(&args, new_mail);
    int64_t n = db_run(db, &link_resend_statement, &args, &rows);
    if (n < 0)
        return (int) n;
    const char *status = db_text(rows, 0, 0);
    *ret = strcmp(status, "sent") == 0 ? LINK_OPEN : link_status_from(status);
    *ret_expires_usec = db_time(rows, 0, 1);
    *ret_job = db_int64(rows, 0, 2);
    return 0;
}
