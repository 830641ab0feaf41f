#include "registrant.h"

#include <string.h>
#include <strings.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "base/buf.h"

/* The form that is compared; malloc'ed, NULL without memory or when the text is no UTF-8. */
static char *normal_form(const char *text, bool keep_blanks) {
    size_t len = 0;
    _cleanup_free_
    uint8_t *folded = keep_blanks ? u8_casefold((const uint8_t *) text, strlen(text), NULL, UNINORM_NFKC, NULL, &len)
                                  : u8_normalize(UNINORM_NFKC, (const uint8_t *) text, strlen(text), NULL, &len);
    _cleanup_buf_ struct buf out = {0};
    bool blank = false;
    if (!folded)
        return NULL;
    for (size_t at = 0; at < len;) {
        ucs4_t c = 0;
        int n = u8_mbtouc(&c, folded + at, len - at);
        if (uc_is_property_white_space(c)) {
            blank = out.len > 0;
        } else {
            if (blank && keep_blanks)
                buf_char(&out, ' ');
            buf_add(&out, folded + at, (size_t) n);
            blank = false;
        }
        at += (size_t) n;
    }
    return buf_steal(&out);
}

static bool is_given(const char *text) {
    return text && *text;
}

static bool same(const char *a, const char *b, bool keep_blanks) {
    _cleanup_free_
    char *x = normal_form(a, keep_blanks), *y = normal_form(b, keep_blanks);
    return x && y && *x && strcmp(x, y) == 0;
}

bool registrant_is_same(const char *examined_ja, const char *examined_en, const char *answered_ja,
                        const char *answered_en) {
    if (is_given(examined_ja) && is_given(answered_ja))
        return same(examined_ja, answered_ja, false);
    return is_given(examined_en) && is_given(answered_en) && same(examined_en, answered_en, true);
}

static bool is_word(const char *text, size_t len, const char *word) {
    return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

bool registrant_is_in_use(const char *status) {
    static const char *const in_use[] = {"ok",
                                         "active",
                                         "connected",
                                         "addPeriod",
                                         "autoRenewPeriod",
                                         "renewPeriod",
                                         "transferPeriod",
                                         "clientDeleteProhibited",
                                         "clientRenewProhibited",
                                         "clientTransferProhibited",
                                         "clientUpdateProhibited",
                                         "serverDeleteProhibited",
                                         "serverRenewProhibited",
                                         "serverTransferProhibited",
                                         "serverUpdateProhibited"};
    if (!is_given(status))
        return false;
    /* JPRS: one word, then the date to which it holds. */
    size_t first = strcspn(status, " (");
    if (is_word(status, first, "connected") || is_word(status, first, "active"))
        return true;
    for (const char *p = status; *p;) {
        size_t len = strcspn(p, " ,;\t\n");
        bool known = len == 0 || strncasecmp(p, "http", 4) == 0 || strncmp(p, "(http", 5) == 0;
        for (size_t i = 0; !known && i < ARRAY_SIZE(in_use); i++)
            known = is_word(p, len, in_use[i]);
        if (!known)
            return false;
        p += len + (p[len] ? 1 : 0);
    }
    return true;
}
