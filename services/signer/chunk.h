/*
 * The rows of one sign job, from the database to signed certificates. Owns copies of nothing that the loaded rows hold.
 */
#pragma once

#include <stdatomic.h>

#include "proto/errors.h"
#include "signer.h"
#include "store/signing.h"

struct signing_row {
    int64_t application;
    struct content content;
    const char **names, **domains, **ous; /* owned */
    bool permitted, same_policy, stopped, blocked, stale, standing;
    enum error error;    /* ERROR_NONE: to be signed */
    int result;          /* of building or signing: 0 or negative */
    uint8_t linted[32];  /* SHA-256 of the bytes that the lint found nothing wrong in: these and no others are signed */
    const char *finding; /* of the lint; NULL: none */
    enum error ended;    /* of the recording transaction: error, or what it found */
    struct buf tbs, der;
};

struct chunk {
    struct db_rows *loaded;
    struct signing_row *rows;
    size_t n;
    const struct issuer *issuer;
    const struct policy *policy;
    struct profile profile;
    atomic_bool key_failed; /* the rest need not try: a token that is away may take its time to say so */
};

void chunk_done(struct chunk *chunk);
/* Loads the rows of the job. 0 or negative. */
int chunk_load(struct chunk *chunk, struct db *db, const struct job *job, const struct issuer *issuer,
               const struct policy *policy);
/* What may not be signed any more gets its error; what was stated before and no longer fits is marked stale. */
void chunk_judge(struct chunk *chunk, const char *pki_url, int64_t now_usec);
/* Draws serials and builds the to-be-signed bytes of the rows without a standing intent. 0, -ERANGE (certificate_validity) or
 * negative. */
int chunk_build(struct chunk *chunk, struct parallel *parallel, const char *pki_url, int64_t now_usec);
/* The second look (lint.h) at what was built or stands; what is wrong gets ROW_BROKEN. */
void chunk_lint(struct chunk *chunk, struct parallel *parallel, const char *pki_url);
/* Signs the bytes that were linted, and keeps the job meanwhile, however slow the key. 0, JOB_LOST or negative: nothing of the chunk
 * counts. */
int chunk_sign(struct chunk *chunk, struct parallel *parallel, struct context *c);
