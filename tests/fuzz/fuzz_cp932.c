/* CP932 to UTF-8 and back: what was read as a character of JIS comes back as the same bytes. */
#include "base/text.h"
#include "fuzz.h"
#include "services/validator/cp932.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    MUST(cp932_open() == 0);
    _cleanup_buf_ struct buf utf8 = {0}, back = {0};
    bool reversible = true;
    size_t at = 0;
    while (at < size) {
        uint32_t c = 0;
        enum cp932_kind kind = CP932_CONTROL;
        size_t n = cp932_next(data + at, size - at, &c, &kind);
        if (n == 0)
            break;
        MUST(n <= size - at && n <= 2 && c < 0x10000);
        reversible = reversible && c != 0 && (kind == CP932_ASCII || kind == CP932_CONTROL || kind == CP932_FULL);
        cp932_add_utf8(&utf8, c ? c : '?');
        at += n;
    }
    MUST(text_is_utf8(utf8.data, utf8.len));
    int r = text_put_cp932(&back, buf_string(&utf8));
    if (reversible)
        MUST(r == 0 && back.len == at && (at == 0 || memcmp(back.data, data, at) == 0));
    return 0;
}
