#include "store/pki.h"

const struct statement pki_issuer_statement = {"pki_issuer", 1,
                                               "SELECT certificate, created FROM issuer WHERE id = $1::integer"};

int pki_issuer(struct db *db, int issuer, struct pki_issuer *ret, struct db_rows **ret_rows) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int32(&args, issuer);
    int64_t n = db_run(db, &pki_issuer_statement, &args, ret_rows);
    if (n <= 0)
        return (int) n;
    *ret = (struct pki_issuer){.der = db_bytes(*ret_rows, 0, 0), .created_usec = db_time(*ret_rows, 0, 1)};
    return 1;
}
