#include "store/policy_store.h"

const struct statement policy_get_statement = {
    "policy_get", 0, "SELECT p.hash, p.body FROM service s JOIN policy p ON p.hash = s.policy"};

int64_t policy_get(struct db *db, struct db_rows **ret) {
    return db_run(db, &policy_get_statement, NULL, ret);
}
