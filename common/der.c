#include "der.h"

#include <string.h>

#include "base/text.h"

static void put_header(struct buf *to, unsigned tag, size_t len) {
    buf_char(to, (char) tag);
    if (len < 0x80) {
        buf_char(to, (char) len);
        return;
    }
    uint8_t bytes[sizeof(len)];
    size_t n = 0;
    for (size_t rest = len; rest > 0; rest >>= 8)
        bytes[n++] = (uint8_t) rest;
    buf_char(to, (char) (0x80 | n));
    while (n > 0)
        buf_char(to, (char) bytes[--n]);
}

void der_put(struct buf *to, unsigned tag, const void *content, size_t len) {
    put_header(to, tag, len);
    buf_add(to, content, len);
}

void der_put_text(struct buf *to, unsigned tag, const char *text) {
    der_put(to, tag, text, strlen(text));
}

static void put_base128(struct buf *to, uint32_t v) {
    for (int shift = 28; shift > 0; shift -= 7)
        if (v >> shift)
            buf_char(to, (char) (0x80 | (v >> shift & 0x7f)));
    buf_char(to, (char) (v & 0x7f));
}

void der_put_oid(struct buf *to, const char *dotted) {
    _cleanup_buf_ struct buf content = {0};
    uint32_t first = 0;
    const char *p = dotted;
    for (int i = 0;; i++) {
        char number[12];
        int64_t v = 0;
        size_t len = strcspn(p, ".");
        if (len == 0 || len >= sizeof(number) || strspn(p, "0123456789") < len || (len > 1 && *p == '0'))
            break;
        memcpy(number, p, len);
        number[len] = '\0';
        if (text_to_int64(number, 0, UINT32_MAX, &v) < 0 || (i == 0 && v > 2))
            break;
        /* X.690 8.19.4: the first two numbers share a subidentifier; below 2 there are 40 second ones. */
        if (i == 1 && v > (first < 80 ? 39 : UINT32_MAX - first))
            break;
        if (i == 0)
            first = (uint32_t) v * 40;
        else
            put_base128(&content, i == 1 ? first + (uint32_t) v : (uint32_t) v);
        p += len;
        if (*p == '\0' && i > 0) {
            der_wrap(to, DER_OID, &content);
            return;
        }
        p += *p == '.';
    }
    to->failed = true;
}

void der_wrap(struct buf *to, unsigned tag, struct buf *content) {
    if (content->failed)
        to->failed = true;
    der_put(to, tag, content->data, content->len);
    buf_reset(content);
}

unsigned der_peek(const struct der *from) {
    return from->failed || from->left == 0 ? 0 : from->at[0];
}

/* Length of the header and content of the next element; 0 when it is malformed or does not fit. */
static size_t measure(const struct der *from, size_t *ret_header) {
    if (from->failed || from->left < 2)
        return 0;
    size_t len = from->at[1], header = 2;
    if (len >= 0x80) {
        size_t n = len & 0x7f;
        len = 0;
        if (n == 0 || n > 4 || n > from->left - 2 || from->at[2] == 0)
            return 0;
        for (size_t i = 0; i < n; i++)
            len = len << 8 | from->at[2 + i];
        if (len < 0x80)
            return 0; /* X.690 10.1: the shortest form */
        header += n;
    }
    *ret_header = header;
    return len > from->left - header ? 0 : header + len;
}

struct der der_get_any(struct der *from) {
    size_t header = 0, whole = measure(from, &header);
    struct der got = {.at = from->at, .left = whole, .failed = whole == 0};
    from->failed |= got.failed;
    if (!got.failed) {
        from->at += whole;
        from->left -= whole;
    }
    return got;
}

struct der der_get(struct der *from, unsigned tag) {
    size_t header = 0;
    if (der_peek(from) != tag || measure(from, &header) == 0) {
        from->failed = true;
        return (struct der){.failed = true};
    }
    struct der whole = der_get_any(from);
    return (struct der){.at = whole.at + header, .left = whole.left - header};
}

bool der_equal(const struct der *d, const void *data, size_t len) {
    return !d->failed && d->left == len && (len == 0 || memcmp(d->at, data, len) == 0);
}

bool der_at_end(const struct der *d) {
    return !d->failed && d->left == 0;
}
