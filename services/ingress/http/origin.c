#include <string.h>

#include "services/ingress/http/core.h"

bool origin_is_foreign(const char *origin, const char *fetch_site, const char *host, bool secure) {
    if (fetch_site && strcmp(fetch_site, "same-origin") != 0 && strcmp(fetch_site, "none") != 0)
        return true;
    if (!origin)
        return false; /* no browser, or one that says so by Sec-Fetch-Site */
    const char *scheme = secure ? "https://" : "http://";
    size_t len = strlen(scheme);
    return !host || strncmp(origin, scheme, len) != 0 || strcasecmp(origin + len, host) != 0;
}
