/*
 * inkan-signer: states and signs certificates (stage sign), revokes them (stage revoke), signs CRLs (stage crl), seals the audit
 * each second.
 *
 * Trusted with: the issuing CA's key and the audit's key. It signs only what the database shows as decided, for an organisation
 * and domains still permitted in the signing transaction; its database role cannot even state an intent for anything else.
 * It reaches no network but the database's socket and the hints' sockets, and decodes nothing that came from outside: the key in a
 * certificate is the bytes that the validator checked.
 *
 * Talks to: PostgreSQL as inkan_signer. Hears hints from validator (sign, revoke); hints mailer (send).
 */
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "signer.h"
#include "store/audit_seal.h"
#include "store/crl.h"
#include "store/policy_store.h"
#include "store/revoking.h"
#include "store/signing.h"

#define SEAL_INTERVAL_USEC USEC_PER_SEC
#define UNSEALED_MAX_SEC 60

static int64_t threads;
static char *ca_key, *audit_key;

static const struct setting settings[] = {
    {"signer", "key", SETTING_TEXT, NULL, 0, 1000, &ca_key, "the issuing CA's key: file:/path or pkcs11:…"},
    {"signer", "audit_key", SETTING_TEXT, NULL, 0, 1000, &audit_key,
     "the Ed25519 key of the audit's seals: file:/path"},
    {"signer", "threads", SETTING_INT, "0", 0, 64, &threads, "threads that sign the rows of a chunk; 0: one a core"},
    {0},
};

static const struct statement *const statements[] = {
    &job_split_statement,        &policy_get_statement,     &signing_gate_statement,    &signing_load_statement,
    &signing_intents_statement,  &signing_void_statement,   &signing_record_statement,  &signing_fail_statement,
    &signing_progress_statement, &signing_issuer_statement, &revoking_record_statement, &revoking_left_statement,
    &crl_jobs_statement,         &crl_issuer_statement,     &crl_next_statement,        &crl_entries_statement,
    &job_again_statement,        &job_hold_statement,       &crl_store_statement,       &seal_next_statement,
    &seal_insert_statement,      &seal_age_statement,       &seal_key_statement,        NULL,
};

static const struct stage_work stages[] = {
    {STAGE_sign, sign_work, sign_poison},
    {STAGE_revoke, revoke_work, revoke_poison},
    {STAGE_crl, crl_work, NULL},
    {.work = NULL},
};

static const struct timer timers[] = {{WATCH_INTERVAL_USEC, watch_fire}, {SEAL_INTERVAL_USEC, seal_fire}, {0}};

static int open_key(struct key_source **ret, const char *name, const char *uri) {
    int r = key_source_open(ret, uri);
    if (r < 0)
        log_error("signer.%s: %s: %s", name, uri,
                  r == -EACCES ? "must be a file that only this user can read" : strerror(-r));
    return r < 0 ? -EINVAL : 0;
}

static int name_audit_key(struct signer *s) {
    uint8_t public[32];
    size_t len = sizeof(public);
    EVP_PKEY *key = key_source_key(s->audit_key);
    if (!EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_get_raw_public_key(key, public, &len) != 1) {
        log_error("signer.audit_key: must be an Ed25519 key");
        return -EINVAL;
    }
    (void) SHA256(public, len, s->audit_key_id);
    return 0;
}

static int init(struct context *c) {
    static struct signer signer;
    c->state = &signer;
    int r = open_key(&signer.ca_key, "key", ca_key);
    if (r == 0)
        r = open_key(&signer.audit_key, "audit_key", audit_key);
    if (r == 0)
        r = name_audit_key(&signer);
    if (r < 0)
        return r;
    signer.parallel = parallel_new((unsigned) threads);
    return signer.parallel ? 0 : -ENOMEM;
}

static void done(struct context *c) {
    struct signer *s = c->state;
    if (!s)
        return;
    parallel_free(s->parallel);
    issuer_done(&s->issuer);
    buf_done(&s->seen);
    key_source_free(s->ca_key);
    key_source_free(s->audit_key);
}

static void readiness(struct context *c, struct buf *reasons) {
    struct signer *s = c->state;
    const char *held = atomic_load(&s->held), *unsealable = atomic_load(&s->unsealable);
    if (held)
        buf_printf(reasons, "sign: %s\n", held);
    if (unsealable)
        buf_printf(reasons, "audit: %s\n", unsealable);
    if (atomic_load(&s->other_cluster))
        buf_text(reasons, "audit: the seals are of another database cluster (docs/operating.md, restore)\n");
    if (atomic_load(&s->unsealed_sec) > UNSEALED_MAX_SEC)
        buf_printf(reasons, "audit: an event has waited %lld s for its seal\n",
                   (long long) atomic_load(&s->unsealed_sec));
}

static const struct service service = {
    .name = "signer",
    .summary = "signs certificates and CRLs, seals the audit",
    .settings = settings,
    .statements = statements,
    .stages = stages,
    .timers = timers,
    .hints = 1u << STAGE_send,
    .init = init,
    .done = done,
    .readiness = readiness,
};

int main(int argc, char **argv) {
    return service_run(&service, argc, argv);
}
