#include <string.h>

#include "store/link.h"

const struct statement link_look_statement = {
    "link_look", 1, "SELECT status, expires, used, der, organisation_ja, organisation_en FROM link_look($1::bytea)"};

enum link_status link_status_from(const char *word) {
    static const char *const words[] = {
        [LINK_OPEN] = "open",       [LINK_UNKNOWN] = "unknown",       [LINK_BUSY] = "busy",       [LINK_USED] = "used",
        [LINK_EXPIRED] = "expired", [LINK_SUPERSEDED] = "superseded", [LINK_REVOKED] = "revoked",
    };
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(words[i], word) == 0)
            return (enum link_status) i;
    return LINK_UNKNOWN;
}

int link_look(struct db *db, const uint8_t hash[static LINK_HASH_BYTES], enum link_status *ret,
              struct db_rows **ret_rows) {
    _cleanup_args_ struct db_args args = {0};
    db_add_bytes(&args, hash, LINK_HASH_BYTES);
    int64_t n = db_run(db, &link_look_statement, &args, ret_rows);
    if (n < 0)
        return (int) n;
    *ret = n == 0 ? LINK_UNKNOWN : link_status_from(db_text(*ret_rows, 0, 0));
    return 0;
}

struct link_seen link_seen(const struct db_rows *rows) {
    return (struct link_seen){.expires_usec = db_time(rows, 0, 1),
                              .used_usec = db_time(rows, 0, 2),
                              .der = db_bytes(rows, 0, 3),
                              .organisation_ja = db_text(rows, 0, 4),
                              .organisation_en = db_text(rows, 0, 5)};
}
