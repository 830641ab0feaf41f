/* Shows the whole audit of the database to an audit_check, in batches, so that memory stays bounded. */
#pragma once

#include <jansson.h>

#include "audit_check.h"
#include "store/audit.h"

/* A seal known from elsewhere. */
struct audit_head {
    int64_t number;
    uint8_t hash[SEAL_HASH_BYTES];
};

struct audit_walk {
    struct audit_check *check;
    const struct audit_head *heads; /* that must stand there, by number */
    size_t heads_count;
    int64_t grace_sec; /* events may be this old without a seal */
    /* set by the walk */
    size_t heads_seen;
    int64_t unsealed, oldest_sec;
    json_t *counts; /* [{what, stored, told}], owned by the caller; NULL when it did not come so far */
};

/* The seals and what they cover alone. 0, or enum db_result. */
int audit_walk_seals(struct db *db, struct audit_walk *w);
/* 0, or enum db_result. What is wrong with the audit is with the check. */
int audit_walk(struct db *db, struct audit_walk *w);
