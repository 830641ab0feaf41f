#include "key_list.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define ENTRY_BYTES 10
#define ENTRY_DIGITS 20 /* two a byte */
#define LINE_MAX_BYTES 256
#define LIST_BYTES_MAX (64 << 20) /* the lists of all sizes and kinds of machine together hold less than a tenth */

static struct buf list; /* entries of ENTRY_BYTES, sorted */

static int compare(const void *a, const void *b) {
    return memcmp(a, b, ENTRY_BYTES);
}

static bool add_line(struct buf *to, char *line) {
    char *end = line + strcspn(line, "#\r\n");
    while (end > line && isblank((unsigned char) end[-1]))
        end--;
    if (end == line)
        return true;
    _cleanup_buf_ struct buf entry = {0};
    if (end - line != ENTRY_DIGITS || text_from_hex(line, ENTRY_DIGITS, &entry) < 0)
        return false;
    buf_add(to, entry.data, entry.len);
    return true;
}

static int read_lines(FILE *file, const char *path, struct buf *to, struct buf *errors) {
    char line[LINE_MAX_BYTES];
    for (size_t number = 1; fgets(line, sizeof(line), file); number++) {
        bool whole = strchr(line, '\n') || feof(file);
        if (whole && add_line(to, line))
            continue;
        buf_printf(errors, "%s:%zu: expected %d hexadecimal digits", path, number, ENTRY_DIGITS);
        return -EINVAL;
    }
    if (ferror(file)) {
        buf_printf(errors, "%s: %s", path, strerror(errno));
        return -EINVAL;
    }
    if (to->len == 0) {
        buf_printf(errors, "%s: no entry", path);
        return -EINVAL;
    }
    return to->failed ? -ENOMEM : 0;
}

int key_list_open(const char *path, struct buf *errors) {
    struct buf read = {.max = LIST_BYTES_MAX};
    FILE *file = fopen(path, "re");
    if (!file) {
        buf_printf(errors, "%s: %s", path, strerror(errno));
        return errno == ENOMEM ? -ENOMEM : -EINVAL;
    }
    int r = read_lines(file, path, &read, errors);
    (void) fclose(file);
    if (r < 0) {
        buf_done(&read);
        return r;
    }
    qsort(read.data, read.len / ENTRY_BYTES, ENTRY_BYTES, compare);
    key_list_done();
    list = read;
    return 0;
}

void key_list_done(void) {
    buf_done(&list);
}

size_t key_list_count(void) {
    return list.len / ENTRY_BYTES;
}

int key_list_has(const BIGNUM *modulus) {
    _cleanup_buf_ struct buf text = {0};
    uint8_t hash[SHA_DIGEST_LENGTH];
    char *hex = BN_bn2hex(modulus); /* upper case, as the lists want it */
    if (hex)
        buf_printf(&text, "Modulus=%s\n", hex);
    bool good = hex && !text.failed;
    OPENSSL_free(hex);
    if (!good)
        return -ENOMEM;
    (void) SHA1((const uint8_t *) text.data, text.len, hash);
    const uint8_t *last = hash + sizeof(hash) - ENTRY_BYTES;
    return list.len > 0 && bsearch(last, list.data, key_list_count(), ENTRY_BYTES, compare);
}
