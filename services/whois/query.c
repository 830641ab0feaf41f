#include "query.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "base/clock.h"

#define CONNECT_SHARE 3 /* one address of several gets this part of the time that is left */

/* Registries that take a plain name for a pattern over several kinds of records. */
static const struct { const char *host, *prefix; } dialects[] = {{"whois.verisign-grs.com", "domain "}};

static enum query_state fail(struct query *q, const char *what, int error) {
    (void) snprintf(q->detail, sizeof(q->detail), "%s%s%s", what, error ? ": " : "", error ? strerror(error) : "");
    return QUERY_FAILED;
}

static void disconnect(struct query *q) {
    if (q->fd >= 0)
        (void) close(q->fd);
    q->fd = -1;
    q->connected = false;
}

/* Only what the operator named may lie in a private net: an answer must not send us round inside our own. */
static bool may_connect(const struct query *q, const struct address *a) {
    return q->server->trusted || address_is_public(a);
}

/* Tries the next address. */
static enum query_state connect_next(struct query *q) {
    int error = 0;
    bool refused = false;
    disconnect(q);
    while (q->address < q->addresses_count) {
        struct address *a = &q->addresses[q->address++];
        if (!may_connect(q, a)) {
            refused = true;
            continue;
        }
        address_set_port(a, q->server->port);
        q->fd = socket(a->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (q->fd >= 0 && (connect(q->fd, (struct sockaddr *) &a->storage, a->len) == 0 || errno == EINPROGRESS)) {
            int64_t now = clock_monotonic_usec();
            bool more = q->address < q->addresses_count;
            q->connect_until_usec = more ? now + (q->until_usec - now) / CONNECT_SHARE : q->until_usec;
            return QUERY_GOING;
        }
        error = errno;
        disconnect(q);
    }
    return refused && !error ? fail(q, "a referral to an address that is not public", 0)
                             : fail(q, "not connected", error);
}

static void write_line(struct query *q, const char *domain) {
    const char *prefix = "";
    for (size_t i = 0; i < ARRAY_SIZE(dialects); i++)
        if (strcmp(dialects[i].host, q->server->host) == 0)
            prefix = dialects[i].prefix;
    int n = snprintf(q->line, sizeof(q->line), "%s%s\r\n", prefix, domain);
    q->line_len = n > 0 && (size_t) n < sizeof(q->line) ? (size_t) n : 0;
}

int query_start(struct query *q, struct server *server, struct resolver *resolver, const char *domain,
                int64_t until_usec) {
    *q = (struct query){.server = server, .fd = -1, .until_usec = until_usec};
    q->answer.max = ANSWER_BYTES_MAX;
    write_line(q, domain);
    if (q->line_len == 0)
        return -EINVAL;
    if (address_parse(&q->addresses[0], server->host)) {
        q->addresses_count = 1;
        return connect_next(q) == QUERY_GOING ? 0 : -EHOSTUNREACH;
    }
    return lookup_start(&q->lookup, resolver, server->host);
}

struct pollfd query_poll(const struct query *q) {
    bool reading = q->connected && q->sent == q->line_len;
    return (struct pollfd){.fd = q->fd, .events = reading ? POLLIN : POLLOUT};
}

int64_t query_wake_usec(const struct query *q) {
    return q->fd >= 0 && !q->connected ? q->connect_until_usec : q->until_usec;
}

static enum query_state step_lookup(struct query *q) {
    int r = lookup_result(q->lookup, q->addresses, &q->addresses_count);
    if (r == 0)
        return QUERY_GOING;
    lookup_free(q->lookup);
    q->lookup = NULL;
    return r < 0 ? fail(q, "the server's name has no address", 0) : connect_next(q);
}

static enum query_state step_connect(struct query *q) {
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(q->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (error == 0) {
        q->connected = true;
        return QUERY_GOING;
    }
    return q->address < q->addresses_count ? connect_next(q) : fail(q, "not connected", error);
}

static enum query_state step_send(struct query *q) {
    ssize_t n = send(q->fd, q->line + q->sent, q->line_len - q->sent, MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? QUERY_GOING : fail(q, "sending", errno);
    q->sent += (size_t) n;
    return QUERY_GOING;
}

/* A bounded number of reads, so that a fast talker does not keep the loop to itself. */
static enum query_state step_read(struct query *q) {
    char chunk[16 * 1024];
    ssize_t n = recv(q->fd, chunk, sizeof(chunk), 0);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? QUERY_GOING : fail(q, "cut off", errno);
    if (n == 0)
        return QUERY_ANSWERED;
    size_t before = q->answer.len;
    buf_add(&q->answer, chunk, (size_t) n);
    if (q->answer.failed)
        return fail(q, before + (size_t) n > ANSWER_BYTES_MAX ? "the answer is too long" : "out of memory", 0);
    return QUERY_GOING;
}

static enum query_state step_late(struct query *q) {
    if (q->lookup)
        return fail(q, "the server's name was not looked up in time", 0);
    if (!q->connected)
        return q->address < q->addresses_count ? connect_next(q) : fail(q, "not connected in time", 0);
    return fail(q, q->answer.len ? "cut off: the rest did not come in time" : "no answer in time", 0);
}

enum query_state query_step(struct query *q, short revents) {
    if (clock_monotonic_usec() >= q->until_usec)
        q->address = q->addresses_count;
    if (clock_monotonic_usec() >= query_wake_usec(q))
        return step_late(q);
    if (q->lookup)
        return step_lookup(q);
    if (revents == 0)
        return QUERY_GOING;
    enum query_state state = q->connected ? QUERY_GOING : step_connect(q);
    if (state == QUERY_GOING && q->connected && q->sent < q->line_len)
        return step_send(q);
    return state == QUERY_GOING && q->connected ? step_read(q) : state;
}

void query_stop(struct query *q) {
    disconnect(q);
    lookup_free(q->lookup);
    q->lookup = NULL;
    buf_done(&q->answer);
}
