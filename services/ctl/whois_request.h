/*
 * One WHOIS question through inkan-whois, which alone speaks to WHOIS servers: an ask job that belongs to no upload, and
 * waiting for the answer to be recorded.
 */
#pragma once

#include "ctl.h"

/* 0 and *ret_answer (the caller's), or an exit code (said). The command needs the four whois_* statements it uses. */
int whois_request(struct ctl *c, const char *domain, int64_t wait_sec, json_t **ret_answer);
