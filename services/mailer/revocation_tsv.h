/* The file that revokes a replaced certificate, ready to be uploaded (manual 1-2-5). */
#pragma once

#include "base/buf.h"

struct revocation_tsv {
    const char *dn, *cn, *serial; /* of the certificate; serial decimal */
    int reason;
};

/* CP932, one row of the format server-revoke, CRLF. 0, -EILSEQ for what CP932 does not have, -ENOMEM. */
int revocation_tsv_put(struct buf *to, const struct revocation_tsv *tsv);
/* SERIAL-CN.tsv */
void revocation_tsv_name(struct buf *to, const struct revocation_tsv *tsv);
