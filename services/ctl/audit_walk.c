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

/* Seals come in ascending order, and so do the heads. */
static void check_heads(struct audit_walk *w, const struct seal *seal) {
    uint8_t hash[SEAL_HASH_BYTES];
    seal_hash(seal, hash);
    for (; w->heads_seen < w->heads_count && w->heads[w->heads_seen].number <= seal->number; w->heads_seen++) {
        const struct audit_head *head = &w->heads[w->heads_seen];
        if (head->number != seal->number)
            audit_check_trouble(w->check, "seal %lld: was known, and is missing", (long long) head->number);
        else if (memcmp(hash, head->hash, sizeof(hash)) != 0)
            audit_check_trouble(w->check, "seal %lld: is not the one that was known", (long long) seal->number);
    }
}

int audit_walk_seals(struct db *db, struct audit_walk *w) {
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
            check_heads(w, &seal);
            number = seal.number;
        }
    } while (n == SEALS_AT_ONCE);
    return n < 0 ? (int) n : 0;
}

/* What is stored and what the audit tells of it, each way. */
static int check_counts(struct db *db, struct audit_walk *w) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = audit_counts(db, &rows);
    w->counts = json_array();
    for (size_t i = 0; i < (n < 0 ? 0 : db_rows_count(rows)); i++) {
        const char *what = db_text(rows, i, 0), *kinds = db_text(rows, i, 3);
        int64_t stored = db_int64(rows, i, 1), told = db_int64(rows, i, 2);
        (void) json_array_append_new(w->counts, json_pack("{s:s, s:I, s:I}", "what", what, "stored",
                                                          (json_int_t) stored, "told", (json_int_t) told));
        if (stored != told)
            audit_check_trouble(w->check, "%lld %s, but %lld events tell of one (%s)", (long long) stored, what,
                                (long long) told, kinds);
    }
    return n < 0 ? (int) n : 0;
}

int audit_walk(struct db *db, struct audit_walk *w) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int r = audit_walk_seals(db, w);
    if (r < 0)
        return r;
    struct audit_standing standing = audit_check_standing(w->check);
    if (w->heads_seen < w->heads_count)
        audit_check_trouble(w->check, "seal %lld: was known, and is missing with all after it; the last is %lld",
                            (long long) w->heads[w->heads_seen].number, (long long) standing.last.number);
    int64_t n = audit_tail(db, &rows);
    if (n < 0)
        return (int) n;
    w->unsealed = db_int64(rows, 0, 0);
    w->oldest_sec = db_int64(rows, 0, 1);
    if (db_int64(rows, 0, 2) < standing.last.number)
        audit_check_trouble(w->check, "seals vanished during the check");
    if (w->unsealed > 0 && w->oldest_sec >= w->grace_sec)
        audit_check_trouble(w->check,
                            "%lld events after transaction %llu have no seal, the oldest for %lld s: seals were taken "
                            "away, or no signer seals",
                            (long long) w->unsealed, (unsigned long long) standing.last.xid_to,
                            (long long) w->oldest_sec);
    return check_counts(db, w);
}
