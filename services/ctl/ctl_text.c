#include "ctl_text.h"

#include <string.h>

#include "base/text.h"
#include "ctl.h"

static size_t count_characters(const char *text) {
    size_t n = 0;
    for (const char *p = text; *p; p++)
        n += ((unsigned char) *p & 0xc0) != 0x80;
    return n;
}

int ctl_check_text_or_empty(const char *option, const char *text, size_t max) {
    if (!text || !*text)
        return 0;
    size_t len = strlen(text);
    if (!text_is_utf8(text, len))
        return ctl_fail(CTL_USAGE, "--%s: not UTF-8", option);
    for (const char *p = text; *p; p++)
        if ((unsigned char) *p < 0x20 || *p == 0x7f)
            return ctl_fail(CTL_USAGE, "--%s: has a control character", option);
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

/* Dot-atoms and host names of RFC 5321 4.1.2: what a relay takes without quoting. */
int ctl_check_mail(const char *option, const char *text) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    if (!text)
        return 0;
    char allowed[100];
    (void) snprintf(allowed, sizeof(allowed), "%s!#$%%&'*+-/=?^_`{|}~.", letters);
    size_t local = strspn(text, allowed);
    char domain[254];
    if (local == 0 || local > 64 || text[local] != '@' || text[0] == '.' || text[local - 1] == '.' ||
        memmem(text, local, "..", 2) || strlen(text) > 254 || ctl_domain(text + local + 1, domain) != 0)
        return ctl_fail(CTL_USAGE, "--%s: \"%s\" is no mail address", option, text);
    return 0;
}

static bool label_ok(const char *label, size_t n) {
    return n > 0 && n <= 63 && label[0] != '-' && label[n - 1] != '-';
}

int ctl_domain(const char *text, char ret[static 254]) {
    size_t len = strlen(text), start = 0, labels = 0;
    if (len == 0 || len > 253)
        return ctl_fail(CTL_USAGE, "\"%s\" is no domain name", text);
    for (size_t i = 0; i <= len; i++) {
        char ch = text[i];
        if (ch >= 'A' && ch <= 'Z')
            ch = (char) (ch - 'A' + 'a');
        ret[i] = ch;
        if (ch == '.' || ch == '\0') {
            if (!label_ok(text + start, i - start))
                return ctl_fail(CTL_USAGE, "\"%s\" is no domain name", text);
            start = i + 1;
            labels++;
        } else if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-'))
            return ctl_fail(CTL_USAGE, "\"%s\" is no domain name in A-labels (xn--…)", text);
    }
    if (labels < 2)
        return ctl_fail(CTL_USAGE, "\"%s\" is a single label", text);
    return 0;
}
