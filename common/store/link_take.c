#include "store/link.h"

const struct statement link_take_statement = {
    "link_take", 2,
    "SELECT status, taken_link, taken_delivery, cn, der, issuer_der FROM link_take($1::bytea, $2::bigint)"};

int link_take(struct db *db, const uint8_t hash[static LINK_HASH_BYTES], int64_t lease_usec, enum link_status *ret,
              struct link_taken *ret_taken, struct db_rows **ret_rows) {
    _cleanup_args_ struct db_args args = {0};
    db_add_bytes(&args, hash, LINK_HASH_BYTES);
    db_add_int64(&args, lease_usec);
    int64_t n = db_run(db, &link_take_statement, &args, ret_rows);
    if (n < 0)
        return (int) n;
    *ret = link_status_from(db_text(*ret_rows, 0, 0));
    *ret_taken = (struct link_taken){.link = db_int64(*ret_rows, 0, 1),
                                     .delivery = db_int64(*ret_rows, 0, 2),
                                     .cn = db_text(*ret_rows, 0, 3),
                                     .der = db_bytes(*ret_rows, 0, 4),
                                     .issuer_der = db_bytes(*ret_rows, 0, 5)};
    return 0;
}
