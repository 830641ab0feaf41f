/* The text of a WHOIS answer: its encoding, its lines, its values. Everything here works on hostile bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct span {
    const char *at;
    size_t len;
};

/*
 * UTF-8 as it is, ISO-2022-JP (known by its ESC, RFC 1468) converted; NUL-terminated. 0, -EINVAL: neither of the two,
 * -ENOMEM.
 */
int answer_decode(struct buf *ret, const void *data, size_t len);

/* Takes the next line off *text, without its LF or CRLF. False when none is left. */
bool answer_line(struct span *text, struct span *ret_line, bool *ret_ended);

/* Without blanks at both ends: ASCII's and U+3000. */
struct span span_trim(struct span s);
bool span_is(struct span s, const char *text);       /* ASCII letters in either case */
bool span_starts(struct span s, const char *text);   /* the same */
bool span_contains(struct span s, const char *text); /* the same */

/*
 * Appends s, trimmed, to to, which holds cap bytes with the NUL; a blank before it when something stands there. Control
 * characters and those that steer direction or have no width are left out. False, and to unchanged, when it does not fit.
 */
bool value_append(char *to, size_t cap, struct span s);
