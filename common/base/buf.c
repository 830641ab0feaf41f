#include "base/buf.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define BUF_FIRST_BYTES 256

void buf_done(struct buf *b) {
    free(b->data);
    *b = (struct buf){.max = b->max};
}

void buf_wipe(struct buf *b) {
    if (b->data)
        OPENSSL_cleanse(b->data, b->cap);
    buf_done(b);
}

void buf_reset(struct buf *b) {
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = '\0';
}

static bool buf_reserve(struct buf *b, size_t more) {
    if (b->failed)
        return false;
    if (more > SIZE_MAX / 4 - b->len || (b->max > 0 && more > b->max - b->len)) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + more + 1;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap ? b->cap : BUF_FIRST_BYTES;
    while (cap < need)
        cap *= 2;
    char *data = realloc(b->data, cap);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, const void *data, size_t len) {
    if (!buf_reserve(b, len))
        return;
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_text(struct buf *b, const char *text) {
    buf_add(b, text, strlen(text));
}

void buf_char(struct buf *b, char c) {
    buf_add(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *format, va_list ap) {
    va_list again;
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, format, ap);
    if (len < 0)
        b->failed = true;
    else if (buf_reserve(b, (size_t) len)) {
        (void) vsnprintf(b->data + b->len, (size_t) len + 1, format, again);
        b->len += (size_t) len;
    }
    va_end(again);
}

void buf_printf(struct buf *b, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    buf_vprintf(b, format, ap);
    va_end(ap);
}

const char *buf_string(const struct buf *b) {
    return b->data && !b->failed ? b->data : "";
}

char *buf_steal(struct buf *b) {
    if (b->failed || (!b->data && !buf_reserve(b, 0)) || !b->data)
        return NULL;
    b->data[b->len] = '\0';
    char *data = b->data;
    *b = (struct buf){.max = b->max};
    return data;
}
