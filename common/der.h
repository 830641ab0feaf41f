/*
 * DER as it is written and read here (X.690): a writer that wraps, and a strict reader that walks. The reader shares nothing
 * with the writer, nor with OpenSSL: what one gets wrong, the other notices.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTF8_STRING = 0x0c,
    DER_PRINTABLE_STRING = 0x13,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT = 0x80,             /* | number: implicit, primitive */
    DER_CONTEXT_CONSTRUCTED = 0xa0, /* | number */
};

/* ---- writing: sticky failure of the buffer */
void der_put(struct buf *to, unsigned tag, const void *content, size_t len);
void der_put_text(struct buf *to, unsigned tag, const char *text);
void der_put_oid(struct buf *to, const char *dotted); /* what is no OID fails the buffer */
/* Puts content into to under tag and empties content: the inner part is written first, then wrapped. */
void der_wrap(struct buf *to, unsigned tag, struct buf *content);

/* ---- reading: first error sticks */
struct der {
    const uint8_t *at;
    size_t left;
    bool failed;
};

static inline struct der der_of(const void *data, size_t len) {
    return (struct der){.at = data, .left = len};
}

/* The content of the next element, which must have this tag; definite, shortest-form length. Failed otherwise. */
struct der der_get(struct der *from, unsigned tag);
/* Tag of the next element, 0 at the end. */
unsigned der_peek(const struct der *from);
/* The next element whole, header included, whatever its tag. */
struct der der_get_any(struct der *from);
bool der_equal(const struct der *d, const void *data, size_t len);
bool der_at_end(const struct der *d); /* nothing left and nothing failed */
