#include "host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define LABEL_MAX 63

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_label(const char *at, size_t len) {
    if (len == 0 || len > LABEL_MAX || at[0] == '-' || at[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_letter(at[i]) && !(at[i] >= '0' && at[i] <= '9') && at[i] != '-')
            return false;
    return true;
}

bool host_is_name(const char *text) {
    if (strlen(text) > HOST_MAX)
        return false;
    int labels = 0;
    for (const char *at = text;;) {
        size_t len = strcspn(at, ".");
        if (!is_label(at, len))
            return false;
        labels++;
        if (at[len] == '\0')
            return labels >= 2 && is_letter(at[0]);
        at += len + 1;
    }
}

int host_parse(const char *text, char ret_host[static HOST_MAX + 1], uint16_t *ret_port) {
    const char *colon = strrchr(text, ':');
    int64_t port = 0;
    if (!colon || text_to_int64(colon + 1, 1, UINT16_MAX, &port) < 0)
        return -EINVAL;
    size_t len = (size_t) (colon - text);
    if (len >= 2 && text[0] == '[' && colon[-1] == ']') {
        text++;
        len -= 2;
    }
    if (len == 0 || len > HOST_MAX)
        return -EINVAL;
    memcpy(ret_host, text, len);
    ret_host[len] = '\0';
    *ret_port = (uint16_t) port;
    struct address a;
    return host_is_name(ret_host) || strcmp(ret_host, "localhost") == 0 || address_parse(&a, ret_host) ? 0 : -EINVAL;
}

bool address_parse(struct address *ret, const char *text) {
    *ret = (struct address){0};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(&ret->storage, &v4, sizeof(v4));
        ret->len = sizeof(v4);
    } else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
        memcpy(&ret->storage, &v6, sizeof(v6));
        ret->len = sizeof(v6);
    }
    return ret->len > 0;
}

static bool v4_is_public(uint32_t a) {
    static const struct {
        uint32_t net;
        int bits;
    } others[] = {{0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
                  {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0586300, 24}, {0xc0a80000, 16},
                  {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 3}};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if ((a ^ others[i].net) >> (32 - others[i].bits) == 0)
            return false;
    return true;
}

/* Global unicast is 2000::/3; in it 6to4, Teredo and ORCHID (2001:0::/23) and documentation are not servers. */
static bool v6_is_public(const uint8_t a[static 16]) {
    bool global = (a[0] & 0xe0) == 0x20;
    bool special = a[0] == 0x20 && a[1] == 0x01 && a[2] < 0x02;
    bool documentation = a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8;
    bool six_to_four = a[0] == 0x20 && a[1] == 0x02;
    return global && !special && !documentation && !six_to_four;
}

bool address_is_public(const struct address *a) {
    if (a->storage.ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &a->storage, sizeof(v4));
        return v4_is_public(ntohl(v4.sin_addr.s_addr));
    }
    if (a->storage.ss_family != AF_INET6)
        return false;
    struct sockaddr_in6 v6;
    memcpy(&v6, &a->storage, sizeof(v6));
    return v6_is_public(v6.sin6_addr.s6_addr);
}

void address_set_port(struct address *a, uint16_t port) {
    if (a->storage.ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &a->storage, sizeof(v4));
        v4.sin_port = htons(port);
        memcpy(&a->storage, &v4, sizeof(v4));
    } else {
        struct sockaddr_in6 v6;
        memcpy(&v6, &a->storage, sizeof(v6));
        v6.sin6_port = htons(port);
        memcpy(&a->storage, &v6, sizeof(v6));
    }
}
