/*
 * The cursor of internal messages (proto/messages.def): length-prefixed fields, network byte order.
 *
 * The first error sticks: a reader that ran over its end returns zeros from then on; look at wire_end() once, which also
 * refuses bytes left over.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_reader {
    const uint8_t *data;
    size_t left;
    bool failed;
};

struct wire_writer {
    uint8_t *data;
    size_t len, cap;
    bool failed;
};

uint8_t wire_get_u8(struct wire_reader *r);
uint16_t wire_get_u16(struct wire_reader *r);
uint64_t wire_get_u64(struct wire_reader *r);
/* Copies at most max bytes and a NUL into to (max + 1 bytes); longer text, or text with a NUL in it, is a failure. */
void wire_get_text(struct wire_reader *r, char *to, size_t max);
bool wire_end(const struct wire_reader *r); /* true: no failure and every byte consumed */

void wire_put_u8(struct wire_writer *w, uint8_t v);
void wire_put_u16(struct wire_writer *w, uint16_t v);
void wire_put_u64(struct wire_writer *w, uint64_t v);
void wire_put_text(struct wire_writer *w, const char *text, size_t max);
