#include "audit_check.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define KEYS_MAX 64
#define TROUBLES_SHOWN 100
#define UNIT_SEPARATOR '\x1f'

struct sealing_key {
    uint8_t id[SEAL_HASH_BYTES];
    EVP_PKEY *public_key;
};

struct audit_check {
    struct sealing_key keys[KEYS_MAX];
    unsigned keys_count;
    struct audit_standing standing;
    struct seal seal;   /* being checked */
    EVP_MD_CTX *digest; /* over the lines of its events */
    int64_t events;     /* of this seal so far */
    struct buf line;
    struct buf troubles;
};

struct audit_check *audit_check_new(void) {
    struct audit_check *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    a->digest = EVP_MD_CTX_new();
    if (!a->digest) {
        free(a);
        return NULL;
    }
    return a;
}

void audit_check_free(struct audit_check *a) {
    if (!a)
        return;
    for (unsigned i = 0; i < a->keys_count; i++)
        EVP_PKEY_free(a->keys[i].public_key);
    EVP_MD_CTX_free(a->digest);
    buf_done(&a->line);
    buf_done(&a->troubles);
    free(a);
}

int audit_check_key(struct audit_check *a, const void *id, size_t id_len, const void *public_key, size_t public_len) {
    uint8_t hash[SHA256_DIGEST_LENGTH];
    if (a->keys_count == KEYS_MAX)
        return -ENOMEM;
    (void) SHA256(public_key, public_len, hash);
    if (id_len != sizeof(hash) || memcmp(hash, id, sizeof(hash)) != 0)
        return -EINVAL;
    struct sealing_key *key = &a->keys[a->keys_count];
    key->public_key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, public_len);
    if (!key->public_key)
        return -EINVAL;
    memcpy(key->id, hash, sizeof(hash));
    a->keys_count++;
    return 0;
}

void audit_check_trouble(struct audit_check *a, const char *format, ...) {
    if (a->standing.troubles++ >= TROUBLES_SHOWN)
        return;
    va_list ap;
    va_start(ap, format);
    buf_vprintf(&a->troubles, format, ap);
    va_end(ap);
    buf_char(&a->troubles, '\n');
}

static EVP_PKEY *find_key(const struct audit_check *a, const void *id, size_t len) {
    for (unsigned i = 0; len == SEAL_HASH_BYTES && i < a->keys_count; i++)
        if (memcmp(a->keys[i].id, id, len) == 0)
            return a->keys[i].public_key;
    return NULL;
}

/* That the seal goes on where the one before ended, and names it. */
static void check_place(struct audit_check *a) {
    const struct seal *s = &a->seal, *last = &a->standing.last;
    uint8_t previous[SEAL_HASH_BYTES] = {0};
    if (last->number > 0)
        seal_hash(last, previous);
    if (s->number != last->number + 1)
        audit_check_trouble(a, "seal %lld: comes after seal %lld: seals are missing", (long long) s->number,
                            (long long) last->number);
    if (s->xid_from != last->xid_to)
        audit_check_trouble(a, "seal %lld: begins at transaction %llu, but the one before ended at %llu",
                            (long long) s->number, (unsigned long long) s->xid_from, (unsigned long long) last->xid_to);
    if (s->xid_to < s->xid_from)
        audit_check_trouble(a, "seal %lld: ends before it begins", (long long) s->number);
    if (memcmp(previous, s->previous, sizeof(previous)) != 0)
        audit_check_trouble(a, "seal %lld: does not name the seal before it", (long long) s->number);
}

void audit_check_seal(struct audit_check *a, const struct seal *seal, const void *key, size_t key_len,
                      const void *signature, size_t signature_len) {
    a->seal = *seal;
    a->events = 0;
    check_place(a);
    EVP_PKEY *public_key = find_key(a, key, key_len);
    if (!public_key)
        audit_check_trouble(a, "seal %lld: signed by an unknown key", (long long) seal->number);
    else if (!seal_verify(seal, public_key, signature, signature_len))
        audit_check_trouble(a, "seal %lld: the signature does not fit", (long long) seal->number);
    if (EVP_DigestInit_ex(a->digest, EVP_sha256(), NULL) != 1)
        audit_check_trouble(a, "seal %lld: OpenSSL gives no SHA-256", (long long) seal->number);
}

static void add_field(struct buf *line, const char *text) {
    buf_char(line, UNIT_SEPARATOR);
    buf_text(line, text ? text : "-");
}

static void add_number(struct buf *line, int64_t number) {
    buf_char(line, UNIT_SEPARATOR);
    if (number > 0)
        buf_printf(line, "%lld", (long long) number);
    else
        buf_char(line, '-');
}

void audit_check_event(struct audit_check *a, const struct audit_event *e) {
    struct buf *line = &a->line;
    uint8_t hash[SHA256_DIGEST_LENGTH];
    buf_reset(line);
    buf_printf(line, "%lld%c%lld%c%lld", (long long) e->id, UNIT_SEPARATOR, (long long) e->xid, UNIT_SEPARATOR,
               (long long) e->at_usec);
    add_field(line, e->actor);
    add_field(line, e->kind);
    add_number(line, e->organisation);
    add_number(line, e->upload);
    add_number(line, e->application);
    add_field(line, e->subject);
    add_field(line, e->detail);
    (void) SHA256((const unsigned char *) buf_string(line), line->len, hash);
    if (line->failed || EVP_DigestUpdate(a->digest, hash, sizeof(hash)) != 1)
        audit_check_trouble(a, "seal %lld: out of memory", (long long) a->seal.number);
    a->events++;
}

void audit_check_seal_end(struct audit_check *a) {
    const struct seal *s = &a->seal;
    uint8_t digest[SHA256_DIGEST_LENGTH] = {0};
    bool made = EVP_DigestFinal_ex(a->digest, digest, NULL) == 1;
    if (a->events != s->events)
        audit_check_trouble(a, "seal %lld: %lld events in the transactions %llu to %llu, %lld were sealed",
                            (long long) s->number, (long long) a->events, (unsigned long long) s->xid_from,
                            (unsigned long long) s->xid_to, (long long) s->events);
    else if (!made || memcmp(digest, s->digest, sizeof(digest)) != 0)
        audit_check_trouble(a, "seal %lld: an event of the transactions %llu to %llu was changed",
                            (long long) s->number, (unsigned long long) s->xid_from, (unsigned long long) s->xid_to);
    a->standing.seals++;
    a->standing.events += a->events;
    a->standing.last = *s;
}

struct audit_standing audit_check_standing(const struct audit_check *a) {
    return a->standing;
}

const char *audit_check_troubles(const struct audit_check *a) {
    return buf_string(&a->troubles);
}
