#include "store/pki.h"

const struct statement pki_crl_statement = {
    "pki_crl", 2,
    "SELECT der, number, this_update, next_update FROM crl WHERE issuer = $1::integer AND shard = $2::integer"};

int pki_crl(struct db *db, int issuer, int shard, struct pki_crl *ret, struct db_rows **ret_rows) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int32(&args, issuer);
    db_add_int32(&args, shard);
    int64_t n = db_run(db, &pki_crl_statement, &args, ret_rows);
    if (n <= 0)
        return (int) n;
    *ret = (struct pki_crl){.der = db_bytes(*ret_rows, 0, 0),
                            .number = db_int64(*ret_rows, 0, 1),
                            .this_update_usec = db_time(*ret_rows, 0, 2),
                            .next_update_usec = db_time(*ret_rows, 0, 3)};
    return 1;
}
