#include "services/ingress/uploads/lines.h"

#include <string.h>

static bool is_blank(const char *p, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (p[i] != ' ' && p[i] != '\t')
            return false;
    return true;
}

bool lines_next(struct lines *lines, struct line *ret) {
    while (lines->at < lines->end) {
        const char *begin = lines->at, *lf = memchr(begin, '\n', (size_t) (lines->end - begin));
        size_t len = (size_t) ((lf ? lf : lines->end) - begin);
        lines->at = lf ? lf + 1 : lines->end;
        lines->seq++;
        if (len > 0 && begin[len - 1] == '\r')
            len--;
        if (is_blank(begin, len))
            continue;
        *ret = (struct line){lines->seq, begin, len};
        return true;
    }
    return false;
}
