#include "store/registrar.h"

const struct statement registrar_login_statement = {
    "registrar_login", 1,
    "SELECT id, organisation, active, name, organisation_ja, organisation_en, organisation_active, issuing_expired "
    "FROM registrar_login($1::bytea)"};

int registrar_login(struct db *db, const uint8_t fingerprint[static 32], struct registrar_login *ret,
                    struct db_rows **ret_rows) {
    _cleanup_args_ struct db_args args = {0};
    db_add_bytes(&args, fingerprint, 32);
    int64_t n = db_run(db, &registrar_login_statement, &args, ret_rows);
    if (n <= 0)
        return (int) n;
    *ret = (struct registrar_login){.id = db_int64(*ret_rows, 0, 0),
                                    .organisation = db_int64(*ret_rows, 0, 1),
                                    .active = db_bool(*ret_rows, 0, 2),
                                    .name = db_text(*ret_rows, 0, 3),
                                    .organisation_ja = db_text(*ret_rows, 0, 4),
                                    .organisation_en = db_text(*ret_rows, 0, 5),
                                    .organisation_active = db_bool(*ret_rows, 0, 6),
                                    .issuing_expired = db_bool(*ret_rows, 0, 7)};
    return 1;
}
