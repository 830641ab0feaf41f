/* The certificate that a row renews, revokes or gives a manager: what the row says of it, and whether that holds. */
#pragma once

#include "row.h"

/* Columns 失効対象証明書シリアル番号 and 失効理由. */
void row_target_read(struct row *row);
/* The DN of a row that asks for no certificate: any DN; it is compared with the certificate's alone, since names and permissions may have changed. */
void row_target_dn(struct row *row);

/* A certificate of the organisation, as the database has it. */
struct target {
    int64_t id;
    const char *match_key, *cn, *o, *l, *st; /* of the application it answers; "" where it has none */
    int64_t revoked_usec;                    /* 0: not revoked */
    int64_t not_after_usec;
    bool expired;
};
/* found NULL: there is none with this serial number. Sets row->target.id. */
void row_target_judge(struct row *row, const struct row_rules *rules, const struct target *found);
