/* What the files of the signer share. */
#pragma once

#include "base/clock.h"
#include "certificate.h"
#include "key.h"
#include "parallel.h"
#include "service.h"

#define WATCH_INTERVAL_USEC USEC_PER_SEC

struct signer {
    struct parallel *parallel;
    struct key_source *ca_key, *audit_key;
    struct issuer issuer;     /* certificate NULL: none that we could sign for */
    int crl_jobs_of;          /* id of the issuer whose CRL jobs are known to be there */
    struct buf seen;          /* DER of the issuing CA in force when last looked at */
    uint8_t audit_key_id[32]; /* SHA-256 of the public key */
    bool audit_key_entered;
    /* Read by the health thread. */
    const char *_Atomic held,
        *_Atomic unsealable;   /* why nothing is signed, sealed; NULL: nothing holds it. Static texts. */
    atomic_bool other_cluster; /* the seals go beyond the transactions that this database knows */
    atomic_llong unsealed_sec; /* age of the oldest event without a seal */
};

/*
 * Looks at halt, issuing CA and policy. 0; -ECANCELED: no certificate may be signed now, signer.held says why (the policy and the
 * issuer may be there all the same: a halt stops no CRL); or enum db_result, -ENOMEM.
 */
int watch_look(struct context *c, const struct policy **ret_policy);
/* Nobody's fault: the job is looked at again when the watch has looked again. */
int watch_hold(struct context *c, const struct job *job);
int watch_fire(struct context *c);

int sign_work(struct context *c, const struct job *job);
int sign_poison(struct context *c, const struct job *job);
int revoke_work(struct context *c, const struct job *job);
int revoke_poison(struct context *c, const struct job *job);
int crl_work(struct context *c, const struct job *job);
int seal_fire(struct context *c);
