#include "store/certificate.h"

const struct statement certificate_list_statement = {
    "certificate_list", 8,
    "SELECT " CERTIFICATE_COLUMNS
    " FROM certificate_search($1::text, $2::bytea, $3::text, $4::integer, $5::timestamptz, $6::timestamptz, $7::bigint,"
    "  $8::integer) AS found JOIN certificate c ON c.id = found.id JOIN application a ON a.id = c.application"
    " LEFT JOIN revocation r ON r.issuer = c.issuer AND r.serial = c.serial ORDER BY c.id DESC"};

static void add_time(struct db_args *args, int64_t usec) {
    if (usec)
        db_add_time(args, usec);
    else
        db_add_null(args);
}

int64_t certificate_list(struct db *db, const struct certificate_filter *filter, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_text(&args, filter->part);
    if (filter->serial)
        db_add_bytes(&args, filter->serial, 16);
    else
        db_add_null(&args);
    db_add_text(&args, filter->status);
    if (filter->state >= 0)
        db_add_int32(&args, (int32_t) filter->state);
    else
        db_add_null(&args);
    add_time(&args, filter->expires_after_usec);
    add_time(&args, filter->expires_before_usec);
    db_add_int64(&args, filter->before ? filter->before : INT64_MAX);
    db_add_int32(&args, filter->limit);
    return db_run(db, &certificate_list_statement, &args, ret);
}
