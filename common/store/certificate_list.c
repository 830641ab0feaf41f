#include "store/certificate.h"

const struct statement certificate_list_statement = {
    "certificate_list", 7,
    "SELECT " CERTIFICATE_COLUMNS CERTIFICATE_TABLES " AND ($1::bigint = 0 OR c.id < $1::bigint)"
    " AND ($2::text IS NULL OR position($2::text IN c.cn) > 0 OR c.serial = $3::bytea)"
    " AND ($4::text IS NULL OR $4::text = CASE WHEN r.serial IS NOT NULL THEN 'revoked'"
    "      WHEN c.not_after < inkan_now() THEN 'expired' ELSE 'valid' END)"
    " AND ($5::bigint = -1 OR certificate_state(c) = $5::bigint)"
    " AND ($6::timestamptz IS NULL OR c.not_after < $6::timestamptz)"
    " ORDER BY c.id DESC LIMIT $7::integer"};

int64_t certificate_list(struct db *db, const struct certificate_filter *filter, struct db_rows **ret) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, filter->before);
    db_add_text(&args, filter->part);
    if (filter->serial)
        db_add_bytes(&args, filter->serial, 16);
    else
        db_add_null(&args);
    db_add_text(&args, filter->status);
    db_add_int64(&args, filter->state);
    if (filter->expires_before_usec)
        db_add_time(&args, filter->expires_before_usec);
    else
        db_add_null(&args);
    db_add_int32(&args, filter->limit);
    return db_run(db, &certificate_list_statement, &args, ret);
}
