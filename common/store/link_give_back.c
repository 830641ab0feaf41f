#include "store/link.h"

const struct statement link_give_back_statement = {"link_give_back", 2,
                                                   "SELECT link_give_back($1::bigint, $2::bigint)"};

int link_give_back(struct db *db, int64_t link, int64_t delivery) {
    _cleanup_args_ struct db_args args = {0};
    db_add_int64(&args, link);
    db_add_int64(&args, delivery);
    int64_t n = db_run(db, &link_give_back_statement, &args, NULL);
    return n < 0 ? (int) n : 0;
}
