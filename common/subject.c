#include "subject.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

/* The openssl.cnf of OpenSSL and of those who ship it. */
static const char *const defaults[] = {
    "Internet Widgits Pty Ltd",
    "Some-State",
    "Some-City",
    "Some-Organization",
    "Default City",
    "Default Company Ltd",
    "My Company",
    "My Company Ltd",
    "XX",
    "Organizational Unit Name",
    "Common Name",
};

/* As they are without signs and blanks, in lower case. */
static const char *const nothings[] = {
    "na",  "none", "null",          "nil",          "nan",          "nothing", "unknown", "undefined", "unspecified",
    "tbd", "tba",  "notapplicable", "notavailable", "notspecified", "absent",  "empty",   "missing",   "incomplete",
};

static bool is_listed(const char *const *list, size_t n, const char *value) {
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(value, list[i]) == 0)
            return true;
    return false;
}

bool subject_is_placeholder(const char *value) {
    char bare[32];
    size_t n = 0;
    if (is_listed(defaults, ARRAY_SIZE(defaults), value))
        return true;
    for (const char *p = value; *p; p++) {
        bool means = (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') || *p & 0x80;
        if (means && n + 1 >= sizeof(bare))
            return false;
        if (means)
            bare[n++] = *p;
    }
    bare[n] = '\0';
    return *value && (n == 0 || is_listed(nothings, ARRAY_SIZE(nothings), bare));
}
