/* What the files of the signer share. */
#pragma once

#include "certificate.h"
#include "key.h"
#include "parallel.h"
#include "service.h"

struct signer {
    struct parallel *parallel;
    struct key_source *ca_key, *audit_key;
    struct issuer issuer;
    uint8_t audit_key_id[32]; /* SHA-256 of the public key */
    /* Read by the health thread: why nothing can be signed now. Static texts. */
    const char *_Atomic held;  /* NULL: nothing holds it */
    atomic_llong unsealed_sec; /* age of the oldest event without a seal */
};

int sign_work(struct context *c, const struct job *job);
int sign_poison(struct context *c, const struct job *job);
int crl_work(struct context *c, const struct job *job);
int seal_fire(struct context *c);
