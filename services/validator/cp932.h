/*
 * Shift_JIS as people's computers write it (CP932), one character at a time, with what kind of character it is.
 *
 * The table is made by glibc's iconv "CP932" (its "SHIFT_JIS" refuses what Windows writes and turns \ into ¥). All
 * kinds but CP932_ASCII and CP932_FULL are refused in a TSV file: full-width characters are those of JIS level 1 and 2
 * (manual, 2015-12-11).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum cp932_kind {
    CP932_CONTROL,   /* 00-1F, 7F */
    CP932_ASCII,     /* 20-7E */
    CP932_HALF_KANA, /* A1-DF */
    CP932_FULL,      /* JIS X 0208: rows 1-8 and the kanji of level 1 and 2, rows 16-84 */
    CP932_EXTENSION, /* NEC row 13, NEC selected and IBM extensions */
    CP932_PRIVATE,   /* user-defined: U+E000-U+F8FF */
};

/* Makes the table, once; to be called before the others. 0, -ENOSYS (no such charset on this system), -ENOMEM. */
int cp932_open(void);

/* One character: the bytes it takes (1 or 2), or 0 where there is none. len is at least 1. */
size_t cp932_next(const uint8_t *bytes, size_t len, uint32_t *ret_char, enum cp932_kind *ret_kind);

void cp932_add_utf8(struct buf *to, uint32_t character);
