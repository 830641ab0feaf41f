#include "store/signing.h"

const struct statement signing_issuer_statement = {"signing_issuer", 0,
                                                   "SELECT id, certificate, crl_shards FROM issuer WHERE active"};

int64_t signing_issuer(struct db *db, struct db_rows **ret) {
    return db_run(db, &signing_issuer_statement, NULL, ret);
}
