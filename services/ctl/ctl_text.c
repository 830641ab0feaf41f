#include "ctl_text.h"

#include <string.h>
#include <unictype.h>
#include <unistr.h>

#include "base/text.h"
#include "ctl.h"
#include "name.h"
#include "subject.h"

#define MAIL_BYTES_MAX 254 /* of a path without its brackets, RFC 5321 4.5.3.1.3 */

static size_t count_characters(const char *text) {
    size_t n = 0;
    for (const char *p = text; *p; p++)
        n += ((unsigned char) *p & 0xc0) != 0x80;
    return n;
}

/* Controls, signs that turn the direction of writing or have no width, separators, private and unassigned characters. */
static bool is_invisible(ucs4_t c) {
    static const uint32_t categories = UC_CATEGORY_MASK_C | UC_CATEGORY_MASK_Zl | UC_CATEGORY_MASK_Zp;
    return uc_is_general_category_withtable(c, categories);
}

int ctl_check_text_or_empty(const char *option, const char *text, size_t max) {
    if (!text || !*text)
        return 0;
    size_t len = strlen(text);
    if (!text_is_utf8(text, len))
        return ctl_fail(CTL_USAGE, "--%s: not UTF-8", option);
    ucs4_t c;
    for (const uint8_t *p = (const uint8_t *) text; (p = u8_next(&c, p));)
        if (is_invisible(c))
            return ctl_fail(CTL_USAGE, "--%s: has U+%04X, which cannot be seen", option, (unsigned) c);
    if (text[0] == ' ' || text[len - 1] == ' ')
        return ctl_fail(CTL_USAGE, "--%s: begins or ends with a blank", option);
    if (count_characters(text) > max)
        return ctl_fail(CTL_USAGE, "--%s: longer than %zu characters", option, max);
    return 0;
}

int ctl_check_text(const char *option, const char *text, size_t max) {
    if (text && !*text)
        return ctl_fail(CTL_USAGE, "--%s: empty", option);
    return ctl_check_text_or_empty(option, text, max);
}

int ctl_check_subject(const char *option, const char *text, size_t max, const char *forbidden) {
    int r = ctl_check_text(option, text, max);
    for (const char *p = text; r == 0 && p && *p; p++)
        if (*p < 0x20 || *p > 0x7e || strchr(forbidden, *p))
            r = ctl_fail(CTL_USAGE, "--%s: half-width characters and none of \"%s\", not \"%s\"", option, forbidden,
                         text);
    if (r == 0 && text && subject_is_placeholder(text))
        r = ctl_fail(CTL_USAGE, "--%s: \"%s\" says nothing", option, text);
    return r;
}

int ctl_check_word(const char *option, const char *text, const char *const *words) {
    _cleanup_buf_ struct buf list = {0};
    if (!text)
        return 0;
    for (; *words; words++) {
        if (strcmp(*words, text) == 0)
            return 0;
        buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", *words);
    }
    return ctl_fail(CTL_USAGE, "--%s: one of %s", option, buf_string(&list));
}

int ctl_check_mail(const char *option, const char *text) {
    if (!text || (strlen(text) <= MAIL_BYTES_MAX && name_is_mail(text)))
        return 0;
    return ctl_fail(CTL_USAGE, "--%s: \"%s\" is no mail address", option, text);
}

int ctl_domain(const char *text, char ret[static 254]) {
    char reason[NAME_REASON_MAX];
    if (!name_is_host(text, reason))
        return ctl_fail(CTL_USAGE, "\"%s\" is no domain name in A-labels (%s)", text, reason);
    for (size_t i = 0; i <= strlen(text); i++)
        ret[i] = (char) (text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i]);
    return 0;
}

int ctl_check_public(const char *domain) {
    char reason[NAME_REASON_MAX];
    if (name_open() < 0)
        return ctl_fail(CTL_FAILED, "there is no Public Suffix List (package publicsuffix)");
    if (!name_is_public(domain, reason))
        return ctl_fail(CTL_REFUSED, "%s: no certificates for this name (%s)", domain, reason);
    return 0;
}
