/* Small conversions between bytes and text. All outputs are malloc'ed and the caller's; NULL or -ENOMEM without memory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

void text_hex(struct buf *to, const void *data, size_t len);       /* lower case */
void text_base64(struct buf *to, const void *data, size_t len);    /* RFC 4648 4, with padding, one line */
void text_base64url(struct buf *to, const void *data, size_t len); /* RFC 4648 5, without padding */
/* Strict: only the alphabet, correct padding, no blanks. 0 or -EINVAL, -ENOMEM. */
int text_from_base64(const char *text, size_t len, struct buf *ret);
int text_from_base64url(const char *text, size_t len, struct buf *ret);
int text_from_hex(const char *text, size_t len, struct buf *ret);

/* Percent-encoding, RFC 3986 2.1: all but the unreserved characters. */
void text_percent(struct buf *to, const char *text);
int text_from_percent(const char *text, size_t len, struct buf *ret); /* 0, or -EINVAL for a broken escape */

/* For HTML and SVG, between tags and in quoted attributes: & < > " ' escaped. */
void text_html(struct buf *to, const char *text);

/* Whole string, decimal, within [min, max]: 0, or -EINVAL, -ERANGE. */
int text_to_int64(const char *text, int64_t min, int64_t max, int64_t *ret);
/* UTF-8 as CP932 (Shift_JIS as people's computers write it). 0; -EILSEQ for what it does not have, which becomes "?"; -ENOMEM. */
int text_put_cp932(struct buf *to, const char *text);
bool text_is_utf8(const void *data, size_t len); /* well-formed, no NUL, no surrogates */
/*
 * Puts "?" in place of what deceives the eye or moves a cursor: controls (C0, DEL, C1), line and paragraph separators,
 * zero-width and bidirectional characters, soft hyphens, and bytes that are no UTF-8. The text only becomes shorter.
 */
void text_make_plain(char *text);
/* Serial number (big endian bytes) as decimal digits. */
void text_serial(struct buf *to, const uint8_t *serial, size_t len);
/* Decimal or 0x hexadecimal to 16 bytes big endian: 0, -EINVAL, -ERANGE. */
int text_parse_serial(const char *text, uint8_t ret_serial[static 16]);
bool text_equal_const_time(const void *a, const void *b, size_t len);
