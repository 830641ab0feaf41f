/*
 * Which server answers for a name, how often it may be asked, and how it has answered lately.
 *
 * Servers of the settings are the operator's word and may be anywhere; those that an answer refers to are a stranger's, so
 * only host names with public addresses pass, unless the table of referrals says where to go instead.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "host.h"

#define SERVER_NAME_MAX (HOST_MAX + 8)
#define SERVER_OPEN_MAX 16 /* connections to one server, so that a silent one cannot take all */

struct server {
    struct server *next;
    char name[SERVER_NAME_MAX + 1]; /* host:port, for logs and records */
    char host[HOST_MAX + 1];
    uint16_t port;
    bool trusted;      /* named by the operator */
    unsigned users;    /* questions that need it; 0: may be forgotten */
    unsigned open;     /* connections */
    int64_t next_usec; /* monotonic: not asked before */
    unsigned failures; /* in a row; under servers.lock, as the next */
    int64_t failed_usec;
};

struct servers;

/*
 * servers: "suffix=host:port …", the longest suffix wins, "." is for all others. referrals: "name=host:port …", where name
 * is what an answer refers to. 0; -EINVAL with a line per error in errors; -ENOMEM. The caller owns *ret.
 */
int servers_new(struct servers **ret, const char *servers, const char *referrals, struct buf *errors);
void servers_free(struct servers *s);
DEFINE_CLEANUP(struct servers *, servers_free)

struct server *servers_find(const struct servers *s, const char *domain); /* NULL: none is configured for it */
/* The server that an answer named. 0; -EINVAL: not a host name; -ENOSPC: too many at once; -ENOMEM. */
int servers_refer(struct servers *s, const char *referral, struct server **ret);

/* After each query. The others may be called from another thread. */
void servers_record(struct servers *s, struct server *server, bool answered);
void servers_readiness(struct servers *s, struct buf *reasons);
void servers_measure(struct servers *s);
