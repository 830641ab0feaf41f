#include "cp932.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>

#include "base/cleanup.h"

#define LEAD_FIRST 0x81
#define LEAD_LAST 0xFC
#define TRAILS 256

/* By lead byte and trail byte; 0: no character. All of CP932 lies in the basic plane. */
static uint16_t characters[LEAD_LAST - LEAD_FIRST + 1][TRAILS];
static bool opened;

static uint16_t convert(iconv_t cd, unsigned lead, unsigned trail) {
    char in[2] = {(char) lead, (char) trail};
    uint8_t out[8];
    char *from = in, *to = (char *) out;
    size_t from_left = sizeof(in), to_left = sizeof(out);
    (void) iconv(cd, NULL, NULL, NULL, NULL);
    if (iconv(cd, &from, &from_left, &to, &to_left) != 0 || from_left != 0 || sizeof(out) - to_left != 2)
        return 0;
    return (uint16_t) (out[0] << 8 | out[1]);
}

static bool is_lead(unsigned byte) {
    return (byte >= 0x81 && byte <= 0x9F) || (byte >= 0xE0 && byte <= 0xFC);
}

int cp932_open(void) {
    if (opened)
        return 0;
    iconv_t cd = iconv_open("UTF-16BE", "CP932");
    if (cd == (iconv_t) -1)
        return errno == ENOMEM ? -ENOMEM : -ENOSYS;
    for (unsigned lead = LEAD_FIRST; lead <= LEAD_LAST; lead++)
        for (unsigned trail = 0x40; is_lead(lead) && trail <= 0xFC; trail++)
            characters[lead - LEAD_FIRST][trail] = trail == 0x7F ? 0 : convert(cd, lead, trail);
    (void) iconv_close(cd);
    opened = true;
    return 0;
}

static enum cp932_kind kind_of(unsigned code, uint16_t character) {
    static const struct {
        unsigned first, last;
    } full[] = {
#define FULL(first, last) {first, last},
#include "proto/cp932.def"
#undef FULL
    };
    if (character >= 0xE000 && character <= 0xF8FF)
        return CP932_PRIVATE;
    for (size_t i = 0; i < ARRAY_SIZE(full); i++)
        if (code >= full[i].first && code <= full[i].last)
            return CP932_FULL;
    return CP932_EXTENSION;
}

size_t cp932_next(const uint8_t *bytes, size_t len, uint32_t *ret_char, enum cp932_kind *ret_kind) {
    unsigned first = bytes[0];
    if (first < 0x80) {
        *ret_char = first;
        *ret_kind = first < 0x20 || first == 0x7F ? CP932_CONTROL : CP932_ASCII;
        return 1;
    }
    if (first >= 0xA1 && first <= 0xDF) {
        *ret_char = 0xFF61 + first - 0xA1;
        *ret_kind = CP932_HALF_KANA;
        return 1;
    }
    /* 80, A0 and FD-FF are single bytes to some converters and no characters to any person. */
    if (!is_lead(first) || len < 2)
        return 0;
    uint16_t character = characters[first - LEAD_FIRST][bytes[1]];
    if (character == 0)
        return 0;
    *ret_char = character;
    *ret_kind = kind_of(first << 8 | bytes[1], character);
    return 2;
}

void cp932_add_utf8(struct buf *to, uint32_t c) {
    if (c < 0x80) {
        buf_char(to, (char) c);
    } else if (c < 0x800) {
        buf_char(to, (char) (0xC0 | c >> 6));
        buf_char(to, (char) (0x80 | (c & 0x3F)));
    } else {
        buf_char(to, (char) (0xE0 | c >> 12));
        buf_char(to, (char) (0x80 | (c >> 6 & 0x3F)));
        buf_char(to, (char) (0x80 | (c & 0x3F)));
    }
}
