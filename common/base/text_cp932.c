#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "base/text.h"

int text_put_cp932(struct buf *to, const char *text) {
    char *from = (char *) (uintptr_t) text, out[256];
    size_t left = strlen(text);
    int r = 0;
    size_t ascii = 0;
    while (ascii < left && (unsigned char) text[ascii] < 0x80)
        ascii++;
    if (ascii == left) {
        buf_add(to, text, left);
        return to->failed ? -ENOMEM : 0;
    }
    iconv_t cd = iconv_open("CP932", "UTF-8");
    if (cd == (iconv_t) -1)
        return -ENOMEM;
    while (left > 0) {
        char *end = out;
        size_t room = sizeof(out), n = iconv(cd, &from, &left, &end, &room);
        buf_add(to, out, sizeof(out) - room);
        if (n != (size_t) -1 || errno == E2BIG)
            continue;
        r = -EILSEQ;
        buf_char(to, '?');
        do {
            from++;
            left--;
        } while (left > 0 && ((unsigned char) *from & 0xc0) == 0x80);
    }
    (void) iconv_close(cd);
    return to->failed ? -ENOMEM : r;
}
