#include "revocation_tsv.h"

#include <stdio.h>

#include "proto/tsv.h"

int revocation_tsv_put(struct buf *to, const struct revocation_tsv *tsv) {
    char reason[4];
    (void) snprintf(reason, sizeof(reason), "%d", tsv->reason);
    const char *const values[TSV_FIELD_COUNT] = {[TSV_FIELD_DN] = tsv->dn,
                                                 [TSV_FIELD_SERIAL] = tsv->serial,
                                                 [TSV_FIELD_REASON] = reason,
                                                 [TSV_FIELD_COMMENT] = TSV_COMMENT_REPLACED};
    return tsv_put_row(to, tsv_format("server-revoke"), values);
}

void revocation_tsv_name(struct buf *to, const struct revocation_tsv *tsv) {
    buf_printf(to, "%s-%s.tsv", tsv->serial, tsv->cn);
}
