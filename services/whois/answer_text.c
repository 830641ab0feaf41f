#include "answer_text.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "answer.h"
#include "base/text.h"

#define ESC 0x1b
#define IDEOGRAPHIC_SPACE "\xe3\x80\x80"

static int from_iso2022jp(struct buf *ret, const void *data, size_t len) {
    iconv_t cd = iconv_open("UTF-8", "ISO-2022-JP");
    if (cd == (iconv_t) -1)
        return errno == ENOMEM ? -ENOMEM : -EINVAL;
    _cleanup_free_
    char *copy = malloc(len + 1);
    char chunk[4096];
    char *in = copy;
    size_t left = len;
    int r = copy ? 0 : -ENOMEM;
    if (copy)
        memcpy(copy, data, len);
    while (r == 0 && left > 0) {
        char *out = chunk;
        size_t room = sizeof(chunk);
        if (iconv(cd, &in, &left, &out, &room) == (size_t) -1 && errno != E2BIG)
            r = -EINVAL;
        buf_add(ret, chunk, sizeof(chunk) - room);
    }
    (void) iconv_close(cd);
    return r;
}

int answer_decode(struct buf *ret, const void *data, size_t len) {
    int r = 0;
    buf_reset(ret);
    if (memchr(data, ESC, len))
        r = from_iso2022jp(ret, data, len);
    else
        buf_add(ret, data, len);
    if (ret->failed)
        return -ENOMEM;
    return r < 0 ? r : text_is_utf8(ret->data, ret->len) ? 0 : -EINVAL;
}

bool answer_line(struct span *text, struct span *ret_line, bool *ret_ended) {
    if (text->len == 0)
        return false;
    const char *lf = memchr(text->at, '\n', text->len);
    size_t len = lf ? (size_t) (lf - text->at) : text->len;
    size_t taken = lf ? len + 1 : len;
    *ret_line = (struct span){text->at, len};
    if (lf && len > 0 && text->at[len - 1] == '\r')
        ret_line->len--;
    *ret_ended = lf != NULL;
    text->at += taken;
    text->len -= taken;
    return true;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

struct span span_trim(struct span s) {
    for (;;) {
        size_t n = s.len > 0 && is_blank(s.at[0]) ? 1 : s.len >= 3 && memcmp(s.at, IDEOGRAPHIC_SPACE, 3) == 0 ? 3 : 0;
        if (n == 0)
            break;
        s.at += n;
        s.len -= n;
    }
    for (;;) {
        const char *end = s.at + s.len;
        size_t n = s.len > 0 && is_blank(end[-1])                             ? 1
                   : s.len >= 3 && memcmp(end - 3, IDEOGRAPHIC_SPACE, 3) == 0 ? 3
                                                                              : 0;
        if (n == 0)
            return s;
        s.len -= n;
    }
}

bool span_starts(struct span s, const char *text) {
    size_t n = strlen(text);
    return s.len >= n && strncasecmp(s.at, text, n) == 0;
}

bool span_is(struct span s, const char *text) {
    return s.len == strlen(text) && span_starts(s, text);
}

bool span_contains(struct span s, const char *text) {
    for (; s.len > 0; s.at++, s.len--)
        if (span_starts(s, text))
            return true;
    return false;
}

/* Length of the character at s when it is to be left out, else 0. s is well-formed UTF-8. */
static size_t unwanted(struct span s) {
    const unsigned char *p = (const unsigned char *) s.at;
    if (p[0] < 0x20 || p[0] == 0x7f)
        return 1;
    if (s.len >= 2 && p[0] == 0xc2 && p[1] < 0xa0) /* U+0080–U+009F */
        return 2;
    if (s.len < 3)
        return 0;
    unsigned c = (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    bool three = (p[0] & 0xf0) == 0xe0;
    bool format = (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f);
    return three && (format || c == 0xfeff) ? 3 : 0;
}

bool value_append(char *to, size_t cap, struct span s) {
    size_t len = strlen(to), before = len;
    s = span_trim(s);
    if (s.len == 0)
        return true;
    if (len + 1 < cap && len > 0)
        to[len++] = ' ';
    while (s.len > 0) {
        size_t skip = unwanted(s);
        if (*s.at == '\t')
            skip = 0;
        if (skip == 0) {
            if (len + 1 >= cap) {
                to[before] = '\0';
                return false;
            }
            to[len++] = *s.at == '\t' ? ' ' : *s.at;
            skip = 1;
        }
        s.at += skip;
        s.len -= skip;
    }
    to[len] = '\0';
    return true;
}
