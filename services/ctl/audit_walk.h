/* Shows the whole audit of the database to an audit_check, in batches, so that memory stays bounded. */
#pragma once

#include "audit_check.h"
#include "store/audit.h"

struct audit_walk {
    struct audit_check *check;
    int64_t head_number; /* a seal known from elsewhere, that must stand there with head_hash; 0: none */
    uint8_t head_hash[SEAL_HASH_BYTES];
    int64_t grace_sec; /* events may be this old without a seal */
    /* set by the walk */
    int64_t unsealed, oldest_sec, issued_events, certificates;
};

/* 0, or enum db_result. What is wrong with the audit is with the check. */
int audit_walk(struct db *db, struct audit_walk *w);
