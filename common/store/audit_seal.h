/*
 * Seals over the audit, as the database holds them (common/seal.h says what is signed).
 * Errors: enum db_result.
 */
#pragma once

#include "seal.h"
#include "store/db.h"

extern const struct statement seal_next_statement, seal_insert_statement, seal_age_statement, seal_key_statement,
    seal_last_statement, head_kept_statement;

/*
 * What the next seal would cover: everything finished and not yet sealed. Takes a lock until the end of the transaction, so
 * that two signers do not make the same seal. 1 and *ret (its previous is the hash of the seal before), or 0: nothing new, or
 * somebody else is sealing.
 */
int seal_next(struct db *db, struct seal *ret);
int seal_insert(struct db *db, const struct seal *seal, const uint8_t key[static SEAL_HASH_BYTES],
                const uint8_t signature[static SEAL_SIGNATURE_BYTES]);
/* The newest seal, and the time. 1, or 0: there is none. */
int seal_last(struct db *db, struct seal *ret, int64_t *ret_now_usec);
/* Audits that this head was kept and mailed to so many. */
int head_kept(struct db *db, int64_t number, const char *head, int mailed);
/* Age in seconds of the oldest event without a seal; 0: none. */
int64_t seal_age(struct db *db, bool *ret_other_cluster);
/* 1 when this public key may seal (table audit_key), else 0. */
int seal_key(struct db *db, const uint8_t key[static SEAL_HASH_BYTES]);
