#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "services/ingress/http/core.h"

static const struct route *const tables[] = {
    upload_api_routes, upload_file_routes, certificate_api_routes,  permission_api_routes, statistics_api_routes,
    links_api_routes,  page_routes,        certificate_page_routes, link_routes,           pki_routes,
    ocsp_routes};

#define SEGMENT_BYTES_MAX 512

/* Percent-decoded copy; NULL for broken escapes, NUL, what is no UTF-8, too long, or without memory. */
static char *decode(const char *p, size_t len) {
    _cleanup_buf_ struct buf to = {.max = SEGMENT_BYTES_MAX};
    if (text_from_percent(p, len, &to) < 0 || to.len == 0 || to.failed || !text_is_utf8(to.data, to.len))
        return NULL;
    return buf_steal(&to);
}

static void drop(char *segments[static 4]) {
    for (int i = 0; i < 4; i++) {
        free(segments[i]);
        segments[i] = NULL;
    }
}

/* {} stands for one segment, or for a part of it up to a suffix that the pattern names (/ca/{}.cer); {*}, at the end, for all the rest. */
static bool matches(const char *pattern, const char *path, char *segments[static 4]) {
    int n = 0;
    drop(segments);
    while (*pattern) {
        if (strcmp(pattern, "{*}") == 0) {
            segments[n] = decode(path, strlen(path));
            return segments[n] != NULL;
        }
        if (strncmp(pattern, "{}", 2) != 0) {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        pattern += 2;
        size_t suffix = strcspn(pattern, "/{"), len = strcspn(path, "/");
        if (len <= suffix || strncmp(path + len - suffix, pattern, suffix) != 0 || n == 4)
            return false;
        segments[n] = decode(path, len - suffix);
        if (!segments[n++])
            return false;
        path += len - suffix;
    }
    return *path == '\0';
}

const struct route *router_find(enum listener listener, const char *method, const char *path, char *segments[static 4],
                                const char **ret_allow) {
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    *ret_allow = NULL;
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
        for (const struct route *r = tables[t]; r->handle; r++) {
            if (r->listener != listener || !matches(r->pattern, path, segments))
                continue;
            if (strcmp(r->method, wanted) == 0)
                return r;
            *ret_allow = *ret_allow ? "GET, HEAD, POST" : strcmp(r->method, "GET") == 0 ? "GET, HEAD" : r->method;
        }
    drop(segments);
    return NULL;
}
