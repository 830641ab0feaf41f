#include <string.h>
#include <strings.h>

#include "services/ingress/http/core.h"

static bool is_language(const char *text, size_t len, enum language *ret) {
    if (len != 2 || (strncasecmp(text, "ja", 2) != 0 && strncasecmp(text, "en", 2) != 0))
        return false;
    *ret = *text == 'e' || *text == 'E' ? LANGUAGE_EN : LANGUAGE_JA;
    return true;
}

/* RFC 6265 4.2.1: "a=b; lang=en". */
static bool in_cookies(const char *p, enum language *ret) {
    while (p && *p) {
        p += strspn(p, "; ");
        size_t len = strcspn(p, ";");
        if (strncmp(p, "lang=", 5) == 0 && is_language(p + 5, len - 5, ret))
            return true;
        p += len;
    }
    return false;
}

/* RFC 9110 12.5.4: the first of the two that is named, whatever its region; browsers list them by preference. */
static bool in_accepted(const char *p, enum language *ret) {
    while (p && *p) {
        p += strspn(p, ", \t");
        if (is_language(p, strcspn(p, "-,; \t"), ret))
            return true;
        p += strcspn(p, ",");
    }
    return false;
}

enum language language_choose(const char *wanted, const char *cookies, const char *accepted) {
    enum language found = LANGUAGE_JA;
    if (!(wanted && is_language(wanted, strlen(wanted), &found)) && !in_cookies(cookies, &found))
        (void) in_accepted(accepted, &found);
    return found;
}
