/* A notice as a mail: the same row always gives the same mail. */
#pragma once

#include "cms.h"
#include "head.h"
#include "store/notice.h"
#include "token.h"

struct composer {
    const struct cms *cms;
    const struct token_key *link_key;
    const char *from_name, *from_address;
    const char *public_url; /* base of one-time links */
};

/* The mail of row i of notice_load() has the link's address in it. */
bool compose_carries_link(const struct db_rows *notices, size_t i);

/* The daily mail of the audit's head. 0, -EINVAL (no address), -EIO, -ENOMEM. */
int compose_head(const struct composer *composer, const struct head *head, const char *to, struct buf *ret_mail);
/* Row i of notice_load(). 0; -ESTALE when its link can no longer be used; -EINVAL, -EILSEQ for what no mail can have; -EIO, -ENOMEM. Thread-safe. */
int compose(const struct composer *composer, const struct db_rows *notices, size_t i, struct buf *ret_mail);
