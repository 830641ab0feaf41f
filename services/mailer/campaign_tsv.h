/* The list attached to the registrars' notice of a campaign: serial number, DN, mail of the manager; CP932, a line a certificate. */
#pragma once

#include "store/notice.h"

/* The certificates of row i of notice_load(). 0, -EILSEQ, -EINVAL, -ENOMEM. */
int campaign_tsv_put(struct buf *to, const struct db_rows *rows, size_t i);
