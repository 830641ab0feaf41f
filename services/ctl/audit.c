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

#define KEY_FILE_BYTES_MAX 65536

const struct command_option audit_verify_options[] = {
    {"key", "FILE", "public keys (PEM) instead of those in the database, which whoever owns it could exchange", false},
    {"head", "NUMBER:HASH", "a seal known from an earlier run or a mail: it must still be there", false},
    {"grace", "SECONDS", "how long an event may wait for its seal (default 60)", false},
    {0},
};
const struct command_option audit_list_options[] = {
    {"upload", "ID", "only of this upload", false},
    {"kind", "KIND", "only of this kind (certificate_issued, …)", false},
    {"limit", "N", "the newest N (default 50)", false},
    {0},
};

const struct statement *const audit_verify_statements[] = {&audit_seals_statement, &audit_events_statement,
                                                           &audit_tail_statement, &audit_keys_statement, NULL};
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

static int parse_head(const char *text, struct audit_walk *w) {
    char number[24];
    _cleanup_buf_ struct buf hash = {0};
    if (!text)
        return 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits >= sizeof(number) || text[digits] != ':' ||
        text_from_hex(text + digits + 1, strlen(text + digits + 1), &hash) < 0 || hash.len != SEAL_HASH_BYTES)
        return ctl_fail(CTL_USAGE, "--head: NUMBER:HASH as `audit verify` prints it");
    memcpy(number, text, digits);
    number[digits] = '\0';
    if (text_to_int64(number, 1, INT64_MAX, &w->head_number) < 0)
        return ctl_fail(CTL_USAGE, "--head: no such number");
    memcpy(w->head_hash, hash.data, SEAL_HASH_BYTES);
    return 0;
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
    c->result =
        json_pack("{s:b, s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:i, s:o}", "verified", s.troubles == 0, "seals",
                  (json_int_t) s.seals, "events", (json_int_t) s.events, "head", buf_string(&head), "keys", keys,
                  "unsealed", (json_int_t) w->unsealed, "oldest_unsealed_sec", (json_int_t) w->oldest_sec,
                  "certificates", (json_int_t) w->certificates, "certificate_events", (json_int_t) w->issued_events,
                  "troubles_count", (int) s.troubles, "troubles", trouble_list(audit_check_troubles(w->check)));
}

int audit_verify_run(struct ctl *c) {
    _cleanup_(audit_check_freep) struct audit_check *check = audit_check_new();
    struct audit_walk walk = {.check = check};
    const char *key = ctl_option(c, "key");
    if (!check)
        return ctl_fail(CTL_FAILED, "out of memory");
    int r = ctl_number(c, "grace", 0, 86400, 60, &walk.grace_sec);
    if (r == 0)
        r = parse_head(ctl_option(c, "head"), &walk);
    if (r == 0)
        r = key ? keys_from_file(check, key) : keys_from_database(c, check);
    if (r != 0)
        return r;
    r = audit_walk(c->db, &walk);
    if (r < 0)
        return ctl_database_failed(r);
    tell(c, &walk, key ? key : "database");
    const char *troubles = audit_check_troubles(check);
    if (*troubles == '\0')
        return CTL_OK;
    return ctl_fail(CTL_REFUSED, "not verified: %.*s", (int) strcspn(troubles, "\n"), troubles);
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
