/* Host names, addresses and host:port texts; those of referrals come from strangers. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define HOST_MAX 253
#define ADDRESSES_MAX 8

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/*
 * Letters, digits and hyphens, two labels or more, the last one beginning with a letter (RFC 1123 2.1; so that no
 * spelling of an IPv4 address passes, 0x7f.0.0x1 included).
 */
bool host_is_name(const char *text);

/* "host:port" or "[v6]:port" into host (HOST_MAX + 1 bytes) and port. 0 or -EINVAL. */
int host_parse(const char *text, char ret_host[static HOST_MAX + 1], uint16_t *ret_port);

/* An address written in figures, without any look-up. False: it is a name. */
bool address_parse(struct address *ret, const char *text);

/* Reachable from everywhere: not loopback, private, link-local, shared, multicast or reserved (RFC 6890). */
bool address_is_public(const struct address *a);

void address_set_port(struct address *a, uint16_t port);
