#include <string.h>

#include "services/ingress/pages/pages.h"

const char *page_cookie(const struct request *r, const char *name, size_t *ret_len) {
    size_t name_len = strlen(name);
    const char *p = request_header(r, "Cookie");
    for (; p && *p; p += strspn(p, "; ")) {
        size_t len = strcspn(p, ";");
        if (len > name_len && strncmp(p, name, name_len) == 0 && p[name_len] == '=') {
            *ret_len = len - name_len - 1;
            return p + name_len + 1;
        }
        p += len;
    }
    return NULL;
}
