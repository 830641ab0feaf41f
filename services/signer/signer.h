/* What the files of the signer share. */
#pragma once

#include "base/clock.h"
#include "certificate.h"
#include "key.h"
#include "parallel.h"
#include "service.h"
#include "token.h"

#define WATCH_INTERVAL_USEC USEC_PER_SEC

/* Of a lane. The keys are the same for all; what was last seen of the database is each lane's own. */
struct signer {
    struct parallel *parallel; /* more than one thread with a token alone, which has one lane */
    struct key_source *ca_key; /* NULL: in the token */
    struct token *token;       /* NULL: in the file */
    struct key_source *audit_key;
    struct issuer issuer;     /* certificate NULL: none that we could sign for */
    struct buf own;           /* issuers whose key we hold, as of job_claim() */
    int jobs_of;              /* id of the issuer whose periodic jobs are known to be there */
    struct buf seen;          /* DER of the issuing CA in force when last looked at */
    uint8_t audit_key_id[32]; /* SHA-256 of the public key */
    bool audit_key_entered;
    /* Read by the health thread. */
    const char *_Atomic held,
        *_Atomic unsealable;   /* why nothing is signed, sealed; NULL: nothing holds it. Static texts. */
    atomic_bool other_cluster; /* the seals go beyond the transactions that this database knows */
    atomic_llong unsealed_sec; /* age of the oldest event without a seal */
    atomic_llong looked_usec;  /* monotonic: when the watch looked last */
};

/*
 * Looks at halt, issuing CA and policy. 0; -ECANCELED: no certificate may be signed now, signer.held says why (the policy and the
 * issuer may be there all the same: a halt stops no CRL); or enum db_result, -ENOMEM.
 */
int watch_look(struct context *c, const struct policy **ret_policy);
/* Nobody's fault: the job is looked at again when the watch has looked again. */
int watch_hold(struct context *c, const struct job *job);
/*
 * The result of a job's work. -ECANCELED (held) and -ENOKEY of a key in a token are nobody's fault: the job is held, and after -ENOKEY the
 * token is looked for anew. Whoever calls it has ended all signing.
 */
int watch_result(struct context *c, const struct job *job, int r);
/* An issuer by its number, whether it signs today or not; the caller ends it with issuer_done(). 1; 0: its key is not ours; -ECANCELED: the
 * token is away; or negative. */
int watch_issuer(struct context *c, int id, struct issuer *ret);
int watch_fire(struct context *c);
/* signer.held of one that has the key of a CA that signs no longer: nothing is wrong with it. */
extern const char watch_resting[];

int sign_work(struct context *c, const struct job *job);
int sign_poison(struct context *c, const struct job *job);
int revoke_work(struct context *c, const struct job *job);
int revoke_poison(struct context *c, const struct job *job);
/* A revoke job that is a campaign's. */
int campaign_work(struct context *c, const struct job *job, bool poison);
int crl_work(struct context *c, const struct job *job);
int ocsp_work(struct context *c, const struct job *job);
int seal_fire(struct context *c);
