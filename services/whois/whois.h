/* The whois daemon: what main.c's tables name. */
#pragma once

#include "service.h"

struct whois_settings {
    const char *servers, *referrals;
    int64_t in_flight;
    int64_t gap_usec, timeout_usec;
};
extern struct whois_settings whois_settings;

int whois_init(struct context *c);
void whois_done(struct context *c);
int whois_loop(struct context *c);
void whois_readiness(struct context *c, struct buf *reasons);
void whois_measure(struct context *c, struct db *db);
