#include "revocation_tsv.h"

#include <errno.h>
#include <stdio.h>

#include "base/text.h"
#include "proto/tsv.h"

#define COMMENT "更新に伴う旧証明書の失効"

int revocation_tsv_put(struct buf *to, const struct revocation_tsv *tsv) {
    const struct tsv_format *format = tsv_format("server-revoke");
    char reason[4];
    (void) snprintf(reason, sizeof(reason), "%d", tsv->reason);
    const char *const values[TSV_FIELD_COUNT] = {[TSV_FIELD_DN] = tsv->dn,
                                                 [TSV_FIELD_SERIAL] = tsv->serial,
                                                 [TSV_FIELD_REASON] = reason,
                                                 [TSV_FIELD_COMMENT] = COMMENT};
    int r = 0;
    for (size_t i = 0; r == 0 && i < format->columns_count; i++) {
        const char *value = values[format->columns[i].field];
        if (i > 0)
            buf_char(to, '\t');
        r = value ? text_put_cp932(to, value) : 0;
    }
    buf_text(to, "\r\n");
    return r < 0 ? r : to->failed ? -ENOMEM : 0;
}

void revocation_tsv_name(struct buf *to, const struct revocation_tsv *tsv) {
    buf_printf(to, "%s-%s.tsv", tsv->serial, tsv->cn);
}
