#include "server.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "metrics.h"

#define SERVERS_MAX 256
#define ENTRIES_MAX 256
#define WHOIS_PORT 43
#define FAILURES_BAD 10                        /* in a row */
#define FAILURES_FORGOTTEN (60 * USEC_PER_SEC) /* without traffic nothing would ever clear them */

struct entry {
    char key[HOST_MAX + 1];
    struct server *server;
};

struct table {
    struct entry *entries;
    size_t n;
};

struct servers {
    struct server *list;
    size_t count;
    struct table suffixes, referrals;
    pthread_mutex_t lock;
};

static int server_add(struct servers *s, const char *host, uint16_t port, bool trusted, struct server **ret) {
    struct server *server = calloc(1, sizeof(*server));
    if (!server)
        return -ENOMEM;
    (void) snprintf(server->host, sizeof(server->host), "%s", host);
    (void) snprintf(server->name, sizeof(server->name), strchr(host, ':') ? "[%s]:%u" : "%s:%u", server->host,
                    (unsigned) port);
    server->port = port;
    server->trusted = trusted;
    (void) pthread_mutex_lock(&s->lock);
    server->next = s->list;
    s->list = server;
    s->count++;
    (void) pthread_mutex_unlock(&s->lock);
    *ret = server;
    return 0;
}

static int server_get(struct servers *s, const char *host, uint16_t port, bool trusted, struct server **ret) {
    for (struct server *i = s->list; i; i = i->next)
        if (i->port == port && i->trusted == trusted && strcasecmp(i->host, host) == 0) {
            *ret = i;
            return 0;
        }
    return server_add(s, host, port, trusted, ret);
}

/* "key=host:port" */
static int entry_read(struct servers *s, struct table *t, char *word) {
    char host[HOST_MAX + 1];
    uint16_t port = 0;
    char *value = strchr(word, '=');
    if (!value || value == word || value - word > HOST_MAX || t->n == ENTRIES_MAX)
        return -EINVAL;
    *value++ = '\0';
    if (host_parse(value, host, &port) < 0)
        return -EINVAL;
    struct entry *e = &t->entries[t->n];
    int r = server_get(s, host, port, true, &e->server);
    if (r < 0)
        return r;
    (void) snprintf(e->key, sizeof(e->key), "%s", word);
    t->n++;
    return 0;
}

static int table_read(struct servers *s, struct table *t, const char *name, const char *text, struct buf *errors) {
    _cleanup_free_
    char *copy = strdup(text);
    t->entries = calloc(ENTRIES_MAX, sizeof(*t->entries));
    if (!copy || !t->entries)
        return -ENOMEM;
    int result = 0;
    char *rest = copy;
    for (char *word; (word = strsep(&rest, " \t"));) {
        int r = *word ? entry_read(s, t, word) : 0;
        if (r == -ENOMEM)
            return r;
        if (r < 0) {
            buf_printf(errors, "whois.%s: the entry that begins with \"%.60s\" is not of the form key=host:port\n",
                       name, word);
            result = r;
        }
    }
    return result;
}

int servers_new(struct servers **ret, const char *servers, const char *referrals, struct buf *errors) {
    _cleanup_(servers_freep) struct servers *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    int e = pthread_mutex_init(&s->lock, NULL);
    if (e != 0) {
        free(s);
        s = NULL;
        return -e;
    }
    int r = table_read(s, &s->suffixes, "servers", servers, errors);
    if (r == 0 || r == -EINVAL) {
        int r2 = table_read(s, &s->referrals, "referrals", referrals, errors);
        r = r2 < 0 ? r2 : r;
    }
    if (r < 0)
        return r;
    *ret = s;
    s = NULL;
    return 0;
}

void servers_free(struct servers *s) {
    if (!s)
        return;
    while (s->list) {
        struct server *next = s->list->next;
        free(s->list);
        s->list = next;
    }
    free(s->suffixes.entries);
    free(s->referrals.entries);
    (void) pthread_mutex_destroy(&s->lock);
    free(s);
}

/* Length of the match, so that the longest wins; "." matches all, by one byte less than any suffix. */
static size_t suffix_matches(const char *suffix, const char *domain) {
    size_t n = strlen(suffix), m = strlen(domain);
    if (strcmp(suffix, ".") == 0)
        return 1;
    if (n > m || strcasecmp(domain + m - n, suffix) != 0)
        return 0;
    return n == m || domain[m - n - 1] == '.' ? n + 1 : 0;
}

struct server *servers_find(const struct servers *s, const char *domain) {
    struct server *best = NULL;
    size_t best_len = 0;
    for (size_t i = 0; i < s->suffixes.n; i++) {
        size_t len = suffix_matches(s->suffixes.entries[i].key, domain);
        if (len > best_len) {
            best = s->suffixes.entries[i].server;
            best_len = len;
        }
    }
    return best;
}

/* Makes room: forgets one server of a referral that nobody needs and whose spacing is over. */
static bool server_forget(struct servers *s) {
    int64_t now = clock_monotonic_usec();
    bool found = false;
    (void) pthread_mutex_lock(&s->lock);
    for (struct server **i = &s->list; *i && !found; i = &(*i)->next)
        if (!(*i)->trusted && (*i)->users == 0 && (*i)->next_usec <= now) {
            struct server *gone = *i;
            *i = gone->next;
            free(gone);
            s->count--;
            found = true;
            break;
        }
    (void) pthread_mutex_unlock(&s->lock);
    return found;
}

int servers_refer(struct servers *s, const char *referral, struct server **ret) {
    for (size_t i = 0; i < s->referrals.n; i++)
        if (strcasecmp(s->referrals.entries[i].key, referral) == 0) {
            *ret = s->referrals.entries[i].server;
            return 0;
        }
    if (!host_is_name(referral))
        return -EINVAL;
    for (struct server *i = s->list; i; i = i->next)
        if (i->port == WHOIS_PORT && strcasecmp(i->host, referral) == 0) {
            *ret = i;
            return 0;
        }
    if (s->count >= SERVERS_MAX + s->suffixes.n + s->referrals.n && !server_forget(s))
        return -ENOSPC;
    return server_add(s, referral, WHOIS_PORT, false, ret);
}

void servers_record(struct servers *s, struct server *server, bool answered) {
    (void) pthread_mutex_lock(&s->lock);
    server->failures = answered ? 0 : server->failures + 1;
    server->failed_usec = clock_monotonic_usec();
    (void) pthread_mutex_unlock(&s->lock);
}

void servers_readiness(struct servers *s, struct buf *reasons) {
    int64_t now = clock_monotonic_usec();
    (void) pthread_mutex_lock(&s->lock);
    for (const struct server *i = s->list; i; i = i->next)
        if (i->trusted && i->failures >= FAILURES_BAD && now - i->failed_usec < FAILURES_FORGOTTEN)
            buf_printf(reasons, "the last %u queries to %s failed\n", i->failures, i->name);
    (void) pthread_mutex_unlock(&s->lock);
}

void servers_measure(struct servers *s) {
    (void) pthread_mutex_lock(&s->lock);
    for (const struct server *i = s->list; i; i = i->next)
        if (i->trusted)
            metrics_set(METRIC_WHOIS_FAILURES, i->name, i->failures);
    (void) pthread_mutex_unlock(&s->lock);
}
