/* audit verify|list: what happened, and whether nobody changed it afterwards. */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <string.h>

#include "audit_walk.h"
#include "base/text.h"
#include "commands.h"
#include "ctl_text.h"
#include "store/audit.h"
#include "store/operator.h"

#define KEY_FILE_BYTES_MAX 65536
#define HEADS_BYTES_MAX (16 << 20)

const struct command_option audit_verify_options[] = {
    {"key", "FILE", "public keys (PEM) instead of those in the database, which whoever owns it could exchange", false},
    {"head", "NUMBER:HASH", "a seal known from an earlier run or a mail: it must still be there", false},
    {"heads", "FILE", "the same for each line of a file, as the mailer keeps it (mailer.head_file)", false},
    {"grace", "SECONDS", "how long an event may wait for its seal (default 60)", false},
    {0},
};
const struct command_option audit_epoch_options[] = {
    {"reason", "TEXT", "kept in the audit", true},
    {0},
};
const struct command_option audit_list_options[] = {
    {"upload", "ID", "only of this upload", false},
    {"kind", "KIND", "only of this kind (certificate_issued, …)", false},
    {"limit", "N", "the newest N (default 50)", false},
    {0},
};

const struct statement *const audit_verify_statements[] = {&audit_seals_statement, &audit_events_statement,
                                                           &audit_tail_statement,  &audit_counts_statement,
                                                           &audit_keys_statement,  NULL};
const struct statement *const audit_epoch_statements[] = {&audit_seals_statement, &audit_events_statement,
                                                          &audit_keys_statement, &audit_epoch_open_statement, NULL};
const struct statement *const audit_list_statements[] = {&audit_list_statement, NULL};

static int keys_from_file(struct audit_check *check, const char *path) {
    _cleanup_buf_ struct buf text = {0};
    int r = ctl_read_file(path, KEY_FILE_BYTES_MAX, &text), n = 0;
    if (r < 0)
        return ctl_fail(CTL_FAILED, "%s: %s", path, strerror(-r));
    BIO *bio = BIO_new_mem_buf(text.data, (int) text.len);
    for (EVP_PKEY *key; bio && (key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL)) != NULL; EVP_PKEY_free(key)) {
        unsigned char public_key[32], id[SHA256_DIGEST_LENGTH];
        size_t len = sizeof(public_key);
        if (EVP_PKEY_get_raw_public_key(key, public_key, &len) != 1)
            continue;
        (void) SHA256(public_key, len, id);
        n += audit_check_key(check, id, sizeof(id), public_key, len) == 0;
    }
    BIO_free(bio);
    return n > 0 ? 0 : ctl_fail(CTL_FAILED, "%s: no Ed25519 public key in PEM", path);
}

static int keys_from_database(struct ctl *c, struct audit_check *check) {
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = audit_keys(c->db, &rows);
    if (n < 0)
        return ctl_database_failed(n);
    for (size_t i = 0; i < db_rows_count(rows); i++) {
        struct db_bytes id = db_bytes(rows, i, 0), public_key = db_bytes(rows, i, 1);
        if (audit_check_key(check, id.data, id.len, public_key.data, public_key.len) < 0)
            audit_check_trouble(check, "key %zu in audit_key is none", i + 1);
    }
    return 0;
}

struct heads {
    struct audit_head *list; /* malloc'ed */
    size_t count, room;
};

/* NUMBER:HASH. 0, -EINVAL or -ENOMEM. */
static int add_head(struct heads *heads, const char *text, size_t len) {
    char number[24];
    struct audit_head head;
    _cleanup_buf_ struct buf hash = {0};
    const char *colon = memchr(text, ':', len);
    size_t digits = colon ? (size_t) (colon - text) : 0;
    if (digits == 0 || digits >= sizeof(number) || text_from_hex(colon + 1, len - digits - 1, &hash) < 0 ||
        hash.len != SEAL_HASH_BYTES)
        return -EINVAL;
    memcpy(number, text, digits);
    number[digits] = '\0';
    if (text_to_int64(number, 1, INT64_MAX, &head.number) < 0)
        return -EINVAL;
    memcpy(head.hash, hash.data, SEAL_HASH_BYTES);
    if (heads->count == heads->room) {
        size_t room = heads->room > 0 ? 2 * heads->room : 64;
        struct audit_head *list = reallocarray(heads->list, room, sizeof(*list));
        if (!list)
            return -ENOMEM;
        heads->list = list;
        heads->room = room;
    }
    heads->list[heads->count++] = head;
    return 0;
}

/* The last word of each line that is not blank: what the mailer keeps (mailer.head_file), or a list by hand. */
static int read_heads(struct heads *heads, const char *path) {
    _cleanup_buf_ struct buf text = {0};
    int r = ctl_read_file(path, HEADS_BYTES_MAX, &text), number = 1;
    if (r < 0)
        return ctl_fail(CTL_FAILED, "%s: %s", path, strerror(-r));
    for (const char *p = buf_string(&text); *p; number++) {
        size_t len = strcspn(p, "\n"), last = len;
        while (last > 0 && p[last - 1] != ' ')
            last--;
        if (len > 0 && add_head(heads, p + last, len - last) < 0)
            return ctl_fail(CTL_REFUSED, "%s: line %d has no NUMBER:HASH", path, number);
        p += len + (p[len] != '\0');
    }
    return heads->count > 0 ? 0 : ctl_fail(CTL_REFUSED, "%s: no head in it", path);
}

static int by_number(const void *a, const void *b) {
    const struct audit_head *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static int take_heads(struct ctl *c, struct heads *heads) {
    const char *one = ctl_option(c, "head"), *path = ctl_option(c, "heads");
    if (one && add_head(heads, one, strlen(one)) < 0)
        return ctl_fail(CTL_USAGE, "--head: NUMBER:HASH as `audit verify` prints it");
    int r = path ? read_heads(heads, path) : 0;
    if (heads->count > 1)
        qsort(heads->list, heads->count, sizeof(*heads->list), by_number);
    return r;
}

static json_t *trouble_list(const char *troubles) {
    json_t *list = json_array();
    for (const char *p = troubles; *p;) {
        size_t n = strcspn(p, "\n");
        (void) json_array_append_new(list, json_stringn(p, n));
        p += n + (p[n] != '\0');
    }
    return list;
}

static void tell(struct ctl *c, const struct audit_walk *w, const char *keys) {
    struct audit_standing s = audit_check_standing(w->check);
    uint8_t hash[SEAL_HASH_BYTES];
    _cleanup_buf_ struct buf head = {0};
    if (s.last.number > 0) {
        seal_hash(&s.last, hash);
        buf_printf(&head, "%lld:", (long long) s.last.number);
        text_hex(&head, hash, sizeof(hash));
    }
    c->result = json_pack("{s:b, s:I, s:I, s:s, s:s, s:I, s:I, s:O?, s:i, s:o}", "verified", s.troubles == 0, "seals",
                          (json_int_t) s.seals, "events", (json_int_t) s.events, "head", buf_string(&head), "keys",
                          keys, "unsealed", (json_int_t) w->unsealed, "oldest_unsealed_sec", (json_int_t) w->oldest_sec,
                          "counts", w->counts, "troubles_count", (int) s.troubles, "troubles",
                          trouble_list(audit_check_troubles(w->check)));
}

static int verify(struct ctl *c, struct audit_check *check, struct heads *heads) {
    struct audit_walk walk = {.check = check};
    const char *key = ctl_option(c, "key");
    int r = ctl_number(c, "grace", 0, 86400, 60, &walk.grace_sec);
    if (r == 0)
        r = take_heads(c, heads);
    if (r == 0)
        r = key ? keys_from_file(check, key) : keys_from_database(c, check);
    if (r != 0)
        return r;
    walk.heads = heads->list;
    walk.heads_count = heads->count;
    r = audit_walk(c->db, &walk);
    if (r == 0)
        tell(c, &walk, key ? key : "database");
    json_decref(walk.counts);
    if (r < 0)
        return ctl_database_failed(r);
    const char *troubles = audit_check_troubles(check);
    if (*troubles == '\0')
        return CTL_OK;
    return ctl_fail(CTL_REFUSED, "not verified: %.*s", (int) strcspn(troubles, "\n"), troubles);
}

int audit_verify_run(struct ctl *c) {
    _cleanup_(audit_check_freep) struct audit_check *check = audit_check_new();
    struct heads heads = {0};
    int r = check ? verify(c, check, &heads) : ctl_fail(CTL_FAILED, "out of memory");
    free(heads.list);
    return r;
}

/* Before anything is put behind it, what was restored must be whole: later nobody could tell when it broke. */
static int check_restored(struct ctl *c, struct audit_check *check) {
    struct audit_walk walk = {.check = check};
    int r = keys_from_database(c, check);
    if (r != 0)
        return r;
    r = audit_walk_seals(c->db, &walk);
    if (r < 0)
        return ctl_database_failed(r);
    const char *troubles = audit_check_troubles(check);
    return *troubles == '\0' ? 0
                             : ctl_fail(CTL_REFUSED, "the audit that was restored is not whole: %.*s",
                                        (int) strcspn(troubles, "\n"), troubles);
}

static int open_epoch(struct ctl *c) {
    const char *reason = ctl_option(c, "reason");
    _cleanup_args_ struct db_args args = {0};
    db_add_text(&args, reason);
    db_add_text(&args, c->by);
    return ctl_answer_one(c, &audit_epoch_open_statement, &args, CTL_REFUSED,
                          "the seals are of this database cluster: there is nothing to open");
}

int audit_epoch_run(struct ctl *c) {
    _cleanup_(audit_check_freep) struct audit_check *check = audit_check_new();
    if (!check)
        return ctl_fail(CTL_FAILED, "out of memory");
    int r = ctl_check_text("reason", ctl_option(c, "reason"), 500);
    if (r == 0)
        r = check_restored(c, check);
    return r != 0 ? r : open_epoch(c);
}

int audit_list_run(struct ctl *c) {
    const char *upload = ctl_option(c, "upload");
    int64_t id = 0, limit = 0;
    int r = ctl_number(c, "limit", 1, 100000, 50, &limit);
    if (r == 0 && upload)
        r = ctl_id(upload, &id);
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0};
    if (upload)
        db_add_int64(&args, id);
    else
        db_add_null(&args);
    db_add_text(&args, ctl_option(c, "kind"));
    db_add_int64(&args, limit);
    return ctl_answer_list(c, &audit_list_statement, &args);
}
