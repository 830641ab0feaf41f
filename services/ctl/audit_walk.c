#include "audit_walk.h"

#include <string.h>

#define SEALS_AT_ONCE 500
#define EVENTS_AT_ONCE 2000

static const char *text_or_null(const struct db_rows *rows, size_t i, unsigned column) {
    return db_is_null(rows, i, column) ? NULL : db_text(rows, i, column);
}

static int walk_events(struct db *db, struct audit_check *check, const struct seal *seal) {
    int64_t xid = -1, id = 0, n = 0;
    do {
        _cleanup_rows_ struct db_rows *rows = NULL;
        n = audit_events(db, (int64_t) seal->xid_from, (int64_t) seal->xid_to, xid < 0 ? 0 : xid, id, EVENTS_AT_ONCE,
                         &rows);
        for (int64_t i = 0; i < n; i++) {
            size_t row = (size_t) i;
            struct audit_event event = {.xid = db_int64(rows, row, 0),
                                        .id = db_int64(rows, row, 1),
                                        .at_usec = db_time(rows, row, 2),
                                        .actor = db_text(rows, row, 3),
                                        .kind = db_text(rows, row, 4),
                                        .organisation = db_int64(rows, row, 5),
                                        .upload = db_int64(rows, row, 6),
                                        .application = db_int64(rows, row, 7),
                                        .subject = text_or_null(rows, row, 8),
                                        .detail = db_text(rows, row, 9)};
            audit_check_event(check, &event);
            xid = event.xid;
            id = event.id;
        }
    } while (n == EVENTS_AT_ONCE);
    return n < 0 ? (int) n : 0;
}

static void take_hash(uint8_t to[static SEAL_HASH_BYTES], struct db_bytes from) {
    if (from.len == SEAL_HASH_BYTES)
        memcpy(to, from.data, SEAL_HASH_BYTES);
}

static void check_head(const struct audit_walk *w, const struct seal *seal) {
    uint8_t hash[SEAL_HASH_BYTES];
    if (seal->number != w->head_number)
        return;
    seal_hash(seal, hash);
    if (memcmp(hash, w->head_hash, sizeof(hash)) != 0)
        audit_check_trouble(w->check, "seal %lld: is not the one that was known", (long long) seal->number);
}

static int walk_seals(struct db *db, struct audit_walk *w) {
    int64_t number = INT64_MIN, n = 0;
    do {
        _cleanup_rows_ struct db_rows *rows = NULL;
        n = audit_seals(db, number, SEALS_AT_ONCE, &rows);
        for (int64_t i = 0; i < n; i++) {
            size_t row = (size_t) i;
            struct seal seal = {.number = db_int64(rows, row, 0),
                                .xid_from = (uint64_t) db_int64(rows, row, 1),
                                .xid_to = (uint64_t) db_int64(rows, row, 2),
                                .events = db_int64(rows, row, 3)};
            struct db_bytes key = db_bytes(rows, row, 6), signature = db_bytes(rows, row, 7);
            take_hash(seal.digest, db_bytes(rows, row, 4));
            take_hash(seal.previous, db_bytes(rows, row, 5));
            audit_check_seal(w->check, &seal, key.data, key.len, signature.data, signature.len);
            int r = walk_events(db, w->check, &seal);
            if (r < 0)
                return r;
            audit_check_seal_end(w->check);
            check_head(w, &seal);
            number = seal.number;
        }
    } while (n == SEALS_AT_ONCE);
    return n < 0 ? (int) n : 0;
}

int audit_walk(struct db *db, struct audit_walk *w) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int r = walk_seals(db, w);
    if (r < 0)
        return r;
    struct audit_standing standing = audit_check_standing(w->check);
    if (w->head_number > standing.last.number)
        audit_check_trouble(w->check, "seal %lld: is missing, and all after it; the last is %lld",
                            (long long) w->head_number, (long long) standing.last.number);
    int64_t n = audit_tail(db, &rows);
    if (n < 0)
        return (int) n;
    w->unsealed = db_int64(rows, 0, 0);
    w->oldest_sec = db_int64(rows, 0, 1);
    w->issued_events = db_int64(rows, 0, 2);
    w->certificates = db_int64(rows, 0, 3);
    if (db_int64(rows, 0, 4) < standing.last.number)
        audit_check_trouble(w->check, "seals vanished during the check");
    if (w->unsealed > 0 && w->oldest_sec >= w->grace_sec)
        audit_check_trouble(w->check,
                            "%lld events after transaction %llu have no seal, the oldest for %lld s: seals were taken "
                            "away, or no signer seals",
                            (long long) w->unsealed, (unsigned long long) standing.last.xid_to,
                            (long long) w->oldest_sec);
    if (w->issued_events != w->certificates)
        audit_check_trouble(w->check, "%lld certificates, but %lld events tell of one", (long long) w->certificates,
                            (long long) w->issued_events);
    return 0;
}
