#include "store/signing.h"

const struct statement signing_issuer_statement = {
    "signing_issuer", 0,
    "SELECT i.id, i.certificate, i.crl_shards, s.halted, inkan_now() FROM service s LEFT JOIN issuer i ON i.active"};

int64_t signing_issuer(struct db *db, struct db_rows **ret) {
    return db_run(db, &signing_issuer_statement, NULL, ret);
}
