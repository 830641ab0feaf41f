#include "wire.h"

#include <string.h>

static const uint8_t *take(struct wire_reader *r, size_t need) {
    if (r->failed || need > r->left) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *at = r->data;
    r->data += need;
    r->left -= need;
    return at;
}

static uint64_t get_number(struct wire_reader *r, size_t bytes) {
    const uint8_t *at = take(r, bytes);
    uint64_t v = 0;
    for (size_t i = 0; at && i < bytes; i++)
        v = v << 8 | at[i];
    return v;
}

uint8_t wire_get_u8(struct wire_reader *r) {
    return (uint8_t) get_number(r, 1);
}

uint16_t wire_get_u16(struct wire_reader *r) {
    return (uint16_t) get_number(r, 2);
}

uint64_t wire_get_u64(struct wire_reader *r) {
    return get_number(r, 8);
}

void wire_get_text(struct wire_reader *r, char *to, size_t max) {
    size_t len = wire_get_u16(r);
    to[0] = '\0';
    if (len > max) {
        r->failed = true;
        return;
    }
    const uint8_t *at = take(r, len);
    if (!at)
        return;
    if (memchr(at, '\0', len)) {
        r->failed = true;
        return;
    }
    memcpy(to, at, len);
    to[len] = '\0';
}

bool wire_end(const struct wire_reader *r) {
    return !r->failed && r->left == 0;
}

static void put(struct wire_writer *w, const void *data, size_t len) {
    if (w->failed || len > w->cap - w->len) {
        w->failed = true;
        return;
    }
    memcpy(w->data + w->len, data, len);
    w->len += len;
}

static void put_number(struct wire_writer *w, uint64_t v, size_t bytes) {
    uint8_t out[8];
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t) (v >> (8 * (bytes - 1 - i)));
    put(w, out, bytes);
}

void wire_put_u8(struct wire_writer *w, uint8_t v) {
    put_number(w, v, 1);
}

void wire_put_u16(struct wire_writer *w, uint16_t v) {
    put_number(w, v, 2);
}

void wire_put_u64(struct wire_writer *w, uint64_t v) {
    put_number(w, v, 8);
}

void wire_put_text(struct wire_writer *w, const char *text, size_t max) {
    size_t len = strlen(text);
    if (len > max || len > UINT16_MAX) {
        w->failed = true;
        return;
    }
    wire_put_u16(w, (uint16_t) len);
    put(w, text, len);
}
