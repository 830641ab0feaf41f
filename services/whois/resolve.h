/*
 * Name look-ups beside the loop: getaddrinfo() may wait for half a minute, so each look-up has a thread of its own, a
 * bounded number of them. A look-up that nobody waits for any more is left to its thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "host.h"

#define LOOKUPS_MAX 16

struct resolver;
struct lookup;

int resolver_new(struct resolver **ret);   /* 0 or -errno; the caller owns it */
void resolver_free(struct resolver *r);    /* threads under way keep what they need */
int resolver_fd(const struct resolver *r); /* readable when a look-up ended; resolver_drain() takes that back */
void resolver_drain(struct resolver *r);

/* 0; -EAGAIN: LOOKUPS_MAX are under way, come again; -errno. The caller owns *ret. */
int lookup_start(struct lookup **ret, struct resolver *r, const char *host);
/* 1: addresses are there; 0: still looking; -ENOENT: there are none. */
int lookup_result(const struct lookup *l, struct address addresses[static ADDRESSES_MAX], size_t *ret_n);
void lookup_free(struct lookup *l);
