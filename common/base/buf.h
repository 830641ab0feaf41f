/*
 * A growable byte buffer whose first failure sticks: append freely, look at buf.failed once at the end.
 *
 * Ownership: the buffer owns its memory until buf_done(); buf_steal() hands it over. The data is always followed by a
 * NUL that len does not count, so that text may be used as a string (except after a failure).
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max; /* bytes; 0 = no bound. Going over it is a failure. */
    bool failed;
};

#define _cleanup_buf_ _cleanup_(buf_done)

void buf_done(struct buf *b);  /* frees; the buffer may be used again */
void buf_wipe(struct buf *b);  /* the same for secrets: overwrites first */
void buf_reset(struct buf *b); /* empties, keeps the memory, forgets a failure */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_text(struct buf *b, const char *text);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) _printf_(2, 3);
void buf_vprintf(struct buf *b, const char *format, va_list ap) _printf_(2, 0);
const char *buf_string(const struct buf *b); /* never NULL; "" when empty or failed */
char *buf_steal(struct buf *b);              /* NULL after a failure; the caller frees */
