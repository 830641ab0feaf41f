/*
 * What must stand before anything is signed: the issuing CA in force is the one whose key we hold, a policy covers today, no
 * operator has halted. All of it may change while the signer runs, so it is looked at before each job and each second; the
 * signing transactions look at halt and policy once more, under lock.
 */
#include <errno.h>
#include <string.h>

#include "log.h"
#include "signer.h"
#include "store/audit_seal.h"
#include "store/crl.h"
#include "store/signing.h"

static void set_held(struct signer *s, const char *held) {
    const char *before = atomic_exchange(&s->held, held);
    if (held && held != before)
        log_notice("nothing is signed: %s", held);
    else if (!held && before)
        log_notice("signing again");
}

/* Loads the issuer when it is another than the last time. NULL, or why there is none. */
static const char *take_issuer(struct signer *s, const struct db_rows *rows, int *ret) {
    struct db_bytes der = db_bytes(rows, 0, 1);
    *ret = 0;
    if (s->seen.len != der.len || (der.len > 0 && memcmp(s->seen.data, der.data, der.len) != 0)) {
        buf_reset(&s->seen);
        buf_add(&s->seen, der.data, der.len);
        issuer_done(&s->issuer);
        if (der.len > 0)
            *ret = issuer_load(&s->issuer, (int) db_int64(rows, 0, 0), der, (int) db_int64(rows, 0, 2),
                               key_source_key(s->ca_key));
        if (*ret == 0 && s->seen.failed)
            *ret = -ENOMEM;
    }
    if (s->issuer.certificate)
        return NULL;
    return s->seen.len > 0 ? "signer.key is not the key of the issuing CA in force, or cannot issue"
                           : "no issuing CA is entered (inkanctl ca init)";
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
    *ret_policy = NULL;
    int64_t n = signing_issuer(c->db, &rows);
    if (n <= 0)
        return n < 0 ? (int) n : DB_FAILED;
    const char *issuer = take_issuer(s, rows, &r_issuer);
    const char *policy = take_policy(c, s, db_time(rows, 0, 4), ret_policy, &r_policy);
    if (r_policy < 0)
        return r_policy;
    if (s->issuer.certificate && s->issuer.id != s->crl_jobs_of) {
        int64_t made = crl_jobs(c->db);
        if (made < 0)
            return (int) made;
        s->crl_jobs_of = s->issuer.id;
    }
    set_held(s, db_bool(rows, 0, 3) ? "signing is halted (inkanctl resume)" : issuer ? issuer : policy);
    if (r_issuer < 0 && r_issuer != -EINVAL)
        return r_issuer;
    return atomic_load(&s->held) ? -ECANCELED : 0;
}

int watch_hold(struct context *c, const struct job *job) {
    int r = job_release(c->db, job, WATCH_INTERVAL_USEC, true);
    return r < 0 ? r : 0;
}

static int look_for_audit_key(struct context *c) {
    struct signer *s = c->state;
    int r = s->audit_key_entered ? 1 : seal_key(c->db, s->audit_key_id);
    if (r < 0)
        return r;
    s->audit_key_entered = r > 0;
    static const char text[] = "the public half of signer.audit_key is not entered (inkanctl ca init)";
    const char *now = r > 0 ? NULL : text, *before = atomic_exchange(&s->unsealable, now);
    if (now && !before)
        log_warning("the audit is not sealed: %s", now);
    return 0;
}

int watch_fire(struct context *c) {
    const struct policy *policy;
    int r = watch_look(c, &policy);
    int r_key = look_for_audit_key(c);
    return r < 0 && r != -ECANCELED ? r : r_key;
}
