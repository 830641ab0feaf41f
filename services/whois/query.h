/*
 * One WHOIS query to one server (RFC 3912): look up, connect, send a line, read until the server closes. Never blocks;
 * the loop polls for it.
 */
#pragma once

#include <poll.h>

#include "resolve.h"
#include "server.h"

enum query_state { QUERY_GOING, QUERY_ANSWERED, QUERY_FAILED };

struct query {
    struct server *server;
    struct lookup *lookup; /* while its host is being looked up */
    struct address addresses[ADDRESSES_MAX];
    size_t addresses_count, address; /* all, and the one after that being tried */
    int fd;                          /* -1: no connection */
    bool connected;
    int64_t until_usec, connect_until_usec; /* monotonic */
    char line[HOST_MAX + 64];
    size_t line_len, sent;
    struct buf answer;
    char detail[160]; /* after QUERY_FAILED, for operators; nothing of the answer in it */
};

/* 0; -EAGAIN: come again (too many look-ups); other -errno. query_stop() in any case but the first two. */
int query_start(struct query *q, struct server *server, struct resolver *resolver, const char *domain,
                int64_t until_usec);
/* What to poll for; fd -1 while a look-up is under way. */
struct pollfd query_poll(const struct query *q);
int64_t query_wake_usec(const struct query *q); /* when to step without an event */
enum query_state query_step(struct query *q, short revents);
void query_stop(struct query *q);
