/* key block|show: keys that others report as compromised are refused for ever (BR 6.1.1.3(4)), as those that were used here are. */
#include <errno.h>
#include <string.h>

#include "commands.h"
#include "ctl_text.h"
#include "spki.h"
#include "store/operator.h"

#define FILE_BYTES_MAX (64 << 20)
#define HEX_DIGITS ((size_t) 2 * SPKI_HASH_BYTES)

const struct command_option key_block_options[] = {
    {"reason", "TEXT", "where it was reported; kept in the audit", true},
    {"spki", "HASH", "SHA-256 of the key's SubjectPublicKeyInfo", false},
    {"key", "FILE", "PEM of the public key or of a certificate", false},
    {"file", "FILE", "many: a HASH a line", false},
    {0},
};
const struct command_option key_show_options[] = {
    {"spki", "HASH", "SHA-256 of the key's SubjectPublicKeyInfo", false},
    {"key", "FILE", "PEM of the public key or of a certificate", false},
    {0},
};

const struct statement *const key_block_statements[] = {&service_lock_statement, &key_block_statement, NULL};
const struct statement *const key_show_statements[] = {&key_show_statement, NULL};

struct keys {
    uint8_t (*hashes)[SPKI_HASH_BYTES]; /* malloc'ed */
    size_t count;
};

static int take_line(struct keys *keys, const char *path, size_t line, const char *text, size_t len) {
    char hex[HEX_DIGITS + 1];
    while (len > 0 && strchr("\r \t", text[len - 1]))
        len--;
    if (len == 0)
        return 0;
    if (len == HEX_DIGITS) {
        memcpy(hex, text, len);
        hex[len] = '\0';
        if (spki_from_hex("file", hex, keys->hashes[keys->count]) == 0) {
            keys->count++;
            return 0;
        }
    }
    return ctl_fail(CTL_USAGE, "%s: line %zu is no SHA-256 of 64 hexadecimal digits; nothing was done", path, line);
}

static int read_list(struct keys *keys, const char *path) {
    _cleanup_buf_ struct buf text = {0};
    int r = ctl_read_file(path, FILE_BYTES_MAX, &text);
    if (r < 0)
        return ctl_fail(CTL_FAILED, "%s: %s", path, strerror(-r));
    keys->hashes = calloc(text.len / HEX_DIGITS + 1, sizeof(*keys->hashes));
    if (!keys->hashes)
        return ctl_fail(CTL_FAILED, "out of memory");
    size_t line = 1;
    r = 0;
    for (const char *p = buf_string(&text); r == 0 && *p; line++) {
        size_t len = strcspn(p, "\n");
        r = take_line(keys, path, line, p, len);
        p += len + (p[len] != '\0');
    }
    return r == 0 && keys->count == 0 ? ctl_fail(CTL_USAGE, "%s: no key in it", path) : r;
}

static int read_one(const struct ctl *c, uint8_t ret[static SPKI_HASH_BYTES]) {
    const char *spki = ctl_option(c, "spki"), *key = ctl_option(c, "key");
    if (!spki == !key)
        return ctl_fail(CTL_USAGE, "which key: either --spki or --key");
    return spki ? spki_from_hex("spki", spki, ret) : spki_from_file(key, ret);
}

static int read_keys(const struct ctl *c, struct keys *keys) {
    const char *path = ctl_option(c, "file");
    if (path && (ctl_option(c, "spki") || ctl_option(c, "key")))
        return ctl_fail(CTL_USAGE, "either --file or one key");
    if (path)
        return read_list(keys, path);
    keys->hashes = calloc(1, sizeof(*keys->hashes));
    if (!keys->hashes)
        return ctl_fail(CTL_FAILED, "out of memory");
    keys->count = 1;
    return read_one(c, keys->hashes[0]);
}

static int block(struct ctl *c, const struct keys *keys) {
    _cleanup_free_
    struct db_bytes *list = calloc(keys->count + 1, sizeof(*list));
    if (!list)
        return ctl_fail(CTL_FAILED, "out of memory");
    for (size_t i = 0; i < keys->count; i++)
        list[i] = (struct db_bytes){keys->hashes[i], SPKI_HASH_BYTES};
    _cleanup_args_ struct db_args args = {0};
    db_add_bytes_array(&args, list, keys->count);
    db_add_text(&args, ctl_option(c, "reason"));
    db_add_text(&args, c->by);
    return ctl_answer_behind_signing(c, &key_block_statement, &args);
}

int key_block_run(struct ctl *c) {
    struct keys keys = {0};
    int r = ctl_check_text("reason", ctl_option(c, "reason"), 500);
    if (r == 0)
        r = read_keys(c, &keys);
    if (r == 0)
        r = block(c, &keys);
    free(keys.hashes);
    return r;
}

int key_show_run(struct ctl *c) {
    uint8_t hash[SPKI_HASH_BYTES];
    int r = read_one(c, hash);
    if (r != 0)
        return r;
    _cleanup_args_ struct db_args args = {0};
    db_add_bytes(&args, hash, sizeof(hash));
    return ctl_answer_one(c, &key_show_statement, &args, CTL_NOT_FOUND, "this key is unknown");
}
