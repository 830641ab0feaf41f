/*
 * What must stand before anything is signed: the issuing CA in force is the one whose key we hold, a policy covers today, no
 * operator has halted. All of it may change while the signer runs, so it is looked at before each job and each second; the
 * signing transactions look at halt and policy once more, under lock.
 */
#include <errno.h>
#include <openssl/err.h>
#include <string.h>

#include "log.h"
#include "signer.h"
#include "store/audit_seal.h"
#include "store/crl.h"
#include "store/signing.h"

const char watch_resting[] = "another CA is in force; this signer keeps up the CRLs and OCSP responders of its own";

/* The first lane says it for all. */
static void set_held(const struct context *c, const char *held) {
    struct signer *s = c->state;
    const char *before = atomic_exchange(&s->held, held);
    if (c->lane > 0)
        return;
    if (held && held != before)
        log_notice("nothing is signed: %s", held);
    else if (!held && before)
        log_notice("signing again");
}

static EVP_PKEY *ca_key(const struct signer *s) {
    return s->token ? token_key(s->token) : key_source_key(s->ca_key);
}

/* The issuer borrows the key: it goes before the key does, and is loaded again with the next one. */
static void forget_issuer(struct signer *s) {
    issuer_done(&s->issuer);
    buf_reset(&s->seen);
}

/* NULL, or why the token has no key for us. */
static const char *look_for_token(struct signer *s) {
    if (!s->token)
        return NULL;
    bool had_key = token_key(s->token);
    if (token_look(s->token) < 0 || !had_key)
        forget_issuer(s);
    return token_reason(s->token);
}

/* Loads the issuer when it is another than the last time. NULL, or why there is none. */
static const char *take_issuer(struct signer *s, const struct db_rows *rows, int *ret) {
    struct db_bytes der = db_bytes(rows, 0, 1);
    const char *away = look_for_token(s);
    *ret = 0;
    if (away)
        return away;
    if (s->seen.len != der.len || (der.len > 0 && memcmp(s->seen.data, der.data, der.len) != 0)) {
        buf_reset(&s->seen);
        buf_add(&s->seen, der.data, der.len);
        issuer_done(&s->issuer);
        s->jobs_of = 0; /* retired meanwhile, it may have none */
        if (der.len > 0)
            *ret = issuer_load(&s->issuer, (int) db_int64(rows, 0, 0), der, (int) db_int64(rows, 0, 2), ca_key(s));
        if (*ret == 0 && s->seen.failed)
            *ret = -ENOMEM;
    }
    if (s->issuer.certificate)
        return NULL;
    if (s->seen.len == 0)
        return "no issuing CA is entered (inkanctl ca init)";
    return s->own.len > 0 ? watch_resting : "signer.key is not the key of the issuing CA in force, or cannot issue";
}

static const char *take_policy(struct context *c, const struct signer *s, int64_t now_usec,
                               const struct policy **ret_policy, int *ret) {
    int64_t from = 0, to = 0;
    int r = service_policy(c, c->db, ret_policy);
    *ret = r == -ENOENT || r == -EINVAL ? 0 : r;
    if (r < 0)
        return r == -ENOENT ? "no policy is in force (inkanctl policy load)" : "the policy in force cannot be read";
    if (s->issuer.certificate && certificate_validity(*ret_policy, &s->issuer, now_usec, &from, &to) < 0)
        return "the policy has no validity for today, or the issuing CA ends too soon";
    return NULL;
}

int watch_look(struct context *c, const struct policy **ret_policy) {
    struct signer *s = c->state;
    _cleanup_rows_ struct db_rows *rows = NULL;
    int r_issuer = 0, r_policy = 0;
    atomic_store(&s->looked_usec, clock_monotonic_usec());
    *ret_policy = NULL;
    int64_t n = signing_issuer(c->db, &rows);
    if (n <= 0)
        return n < 0 ? (int) n : DB_FAILED;
    const char *issuer = take_issuer(s, rows, &r_issuer);
    const char *policy = take_policy(c, s, db_time(rows, 0, 4), ret_policy, &r_policy);
    if (r_policy < 0)
        return r_policy;
    if (s->issuer.certificate && s->issuer.id != s->jobs_of) {
        int64_t made = issuer_jobs(c->db);
        if (made < 0)
            return (int) made;
        s->jobs_of = s->issuer.id;
    }
    /* Two signers with different keys serve one queue while a CA follows another: each takes what it can do. */
    c->resting = !s->issuer.certificate && s->seen.len > 0 && ca_key(s) ? 1u << STAGE_sign : 0;
    set_held(c, db_bool(rows, 0, 3) ? "signing is halted (inkanctl resume)" : issuer ? issuer : policy);
    if (r_issuer < 0 && r_issuer != -EINVAL)
        return r_issuer;
    return atomic_load(&s->held) ? -ECANCELED : 0;
}

int watch_issuer(struct context *c, int id, struct issuer *ret) {
    EVP_PKEY *key = ca_key(c->state);
    _cleanup_rows_ struct db_rows *rows = NULL;
    if (!key)
        return -ECANCELED;
    int64_t n = crl_issuer(c->db, id, &rows);
    if (n <= 0)
        return (int) n;
    int r = issuer_load(ret, id, db_bytes(rows, 0, 0), (int) db_int64(rows, 0, 1), key);
    return r == -EINVAL ? 0 : r < 0 ? r : 1;
}

int watch_hold(struct context *c, const struct job *job) {
    int r = job_release(c->db, job, WATCH_INTERVAL_USEC, JOB_WAITS);
    return r < 0 ? r : 0;
}

int watch_result(struct context *c, const struct job *job, int r) {
    struct signer *s = c->state;
    if (r == -ENOKEY && s->token) {
        forget_issuer(s);
        token_lost(s->token);
        set_held(c, token_reason(s->token));
        r = -ECANCELED;
    }
    return r == -ECANCELED ? watch_hold(c, job) : r;
}

static int look_for_audit_key(struct context *c) {
    struct signer *s = c->state;
    int r = s->audit_key_entered ? 1 : seal_key(c->db, s->audit_key_id);
    if (r < 0)
        return r;
    s->audit_key_entered = r > 0;
    static const char text[] = "the public half of signer.audit_key is not entered (inkanctl ca init)";
    const char *now = r > 0 ? NULL : text, *before = atomic_exchange(&s->unsealable, now);
    if (now && !before && c->lane == 0)
        log_warning("the audit is not sealed: %s", now);
    return 0;
}

/* While the token is away, what was known of it stands. */
static int look_for_own(struct context *c) {
    struct signer *s = c->state;
    EVP_PKEY *key = ca_key(s);
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = key ? issuer_all(c->db, &rows) : 0;
    if (n < 0 || !key)
        return (int) n;
    buf_reset(&s->own);
    for (size_t i = 0; i < (size_t) n; i++) {
        struct db_bytes der = db_bytes(rows, i, 1);
        const unsigned char *p = der.data;
        X509 *x = d2i_X509(NULL, &p, (long) der.len);
        if (x && X509_check_private_key(x, key) == 1)
            buf_printf(&s->own, "%s%lld", s->own.len > 0 ? " " : "", (long long) db_int64(rows, i, 0));
        X509_free(x);
    }
    ERR_clear_error();
    c->issuers = s->own.failed ? "" : buf_string(&s->own);
    return s->own.failed ? -ENOMEM : 0;
}

int watch_fire(struct context *c) {
    const struct policy *policy;
    int r_own = look_for_own(c), r = r_own < 0 ? r_own : watch_look(c, &policy);
    int r_key = look_for_audit_key(c);
    return r < 0 && r != -ECANCELED ? r : r_key;
}
