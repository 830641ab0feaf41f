/*
 * inkan-signer: states and signs certificates (stage sign), revokes them (stage revoke), signs CRLs (stage crl) and the certificates of
 * OCSP responders (stage ocsp), seals the audit each second.
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
#include "metrics.h"
#include "signer.h"
#include "store/audit_seal.h"
#include "store/campaign.h"
#include "store/crl.h"
#include "store/measure.h"
#include "store/ocsp.h"
#include "store/policy_store.h"
#include "store/revoking.h"
#include "store/signing.h"
#include "x509.h"

#define SEAL_INTERVAL_USEC USEC_PER_SEC
#define UNSEALED_MAX_SEC 60
#define SILENT_MAX_SEC 60 /* a chunk's signatures by a slow token */

static int64_t threads;
static char *ca_key, *audit_key;

static const struct setting settings[] = {
    {"signer", "key", SETTING_TEXT, NULL, 0, 1000, &ca_key,
     "the issuing CA's key: file:/path or pkcs11:…?module-path=…&pin-source=file:/path"},
    {"signer", "audit_key", SETTING_TEXT, NULL, 0, 1000, &audit_key,
     "the Ed25519 key of the audit's seals: file:/path"},
    {"signer", "threads", SETTING_INT, "0", 0, 64, &threads,
     "chunks in work at a time, each on a thread and a connection; with a token, signatures; 0: one a core"},
    {0},
};

static const struct statement *const statements[] = {
    &job_split_statement,      &policy_get_statement,        &signing_gate_statement,
    &signing_load_statement,   &signing_intents_statement,   &signing_void_statement,
    &signing_record_statement, &signing_fail_statement,      &signing_progress_statement,
    &signing_issuer_statement, &revoking_record_statement,   &revoking_left_statement,
    &issuer_jobs_statement,    &issuer_all_statement,        &ocsp_due_statement,
    &ocsp_store_statement,     &crl_issuer_statement,        &crl_next_statement,
    &crl_entries_statement,    &job_again_statement,         &job_hold_statement,
    &crl_store_statement,      &seal_next_statement,         &seal_insert_statement,
    &seal_age_statement,       &seal_key_statement,          &campaign_record_statement,
    &campaign_fail_statement,  &campaign_progress_statement, NULL,
};

static const struct statement *const measured[] = {&measure_signing_statement, &measure_issuers_statement, NULL};

static const struct stage_work stages[] = {
    {STAGE_sign, sign_work, sign_poison},
    {STAGE_revoke, revoke_work, revoke_poison},
    {STAGE_crl, crl_work, NULL},
    {STAGE_ocsp, ocsp_work, NULL},
    {.work = NULL},
};

static const struct timer timers[] = {
    {WATCH_INTERVAL_USEC, watch_fire, .every_lane = true}, {SEAL_INTERVAL_USEC, seal_fire}, {0}};

static int open_key(struct key_source **ret, const char *name, const char *uri) {
    int r = key_source_open(ret, uri);
    if (r < 0)
        log_error("signer.%s: %s: %s", name, uri,
                  r == -EACCES ? "must be a file that only this user can read" : strerror(-r));
    return r < 0 ? -EINVAL : 0;
}

/* A token that is away is waited for; what its operator or ours must put right is not. */
static int open_token(struct signer *s, const char *uri) {
    const char *why = NULL;
    int r = token_new(&s->token, uri, &why);
    if (r == -ENOMEM)
        return r;
    if (r == 0) {
        r = token_look(s->token);
        why = token_reason(s->token);
    }
    if (r == -EAGAIN)
        log_warning("signer.key: %s", why);
    else if (r < 0)
        log_error("signer.key: %s", why); /* without the URI, which may hold a PIN */
    return r == 0 || r == -EAGAIN ? 0 : -EINVAL;
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
    c->issuers = ""; /* until the watch has looked */
    int r = token_is_uri(ca_key) ? open_token(&signer, ca_key) : open_key(&signer.ca_key, "key", ca_key);
    if (r == 0)
        r = open_key(&signer.audit_key, "audit_key", audit_key);
    if (r == 0)
        r = name_audit_key(&signer);
    if (r < 0)
        return r;
    unsigned wanted = threads > 0 ? (unsigned) threads : parallel_cores();
    c->lanes = signer.token ? 1 : wanted;
    signer.parallel = parallel_new(signer.token && !token_is_serial(signer.token) ? wanted : 1);
    return signer.parallel ? 0 : -ENOMEM;
}

static int lane_init(struct context *c) {
    const struct signer *first = c->state;
    struct signer *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->ca_key = first->ca_key;
    s->audit_key = first->audit_key;
    memcpy(s->audit_key_id, first->audit_key_id, sizeof(s->audit_key_id));
    s->parallel = parallel_new(1);
    c->state = s;
    c->issuers = ""; /* until its watch has looked */
    return s->parallel ? 0 : -ENOMEM;
}

static void forget(struct signer *s) {
    parallel_free(s->parallel);
    issuer_done(&s->issuer);
    buf_done(&s->seen);
    buf_done(&s->own);
}

static void lane_done(struct context *c) {
    forget(c->state);
    free(c->state);
}

static void done(struct context *c) {
    struct signer *s = c->state;
    if (!s)
        return;
    forget(s);
    key_source_free(s->ca_key);
    token_free(s->token);
    key_source_free(s->audit_key);
}

static void readiness(struct context *c, struct buf *reasons) {
    struct signer *s = c->state;
    const char *held = atomic_load(&s->held), *unsealable = atomic_load(&s->unsealable);
    const char *away = s->token ? token_reason(s->token) : NULL;
    int64_t silent_sec = (clock_monotonic_usec() - atomic_load(&s->looked_usec)) / USEC_PER_SEC;
    if (away)
        buf_printf(reasons, "key: %s\n", away);
    else if (s->token && silent_sec > SILENT_MAX_SEC)
        buf_printf(reasons, "key: the signer has waited %lld s for the token\n", (long long) silent_sec);
    if (held && held != away && held != watch_resting)
        buf_printf(reasons, "sign: %s\n", held);
    if (unsealable)
        buf_printf(reasons, "audit: %s\n", unsealable);
    if (atomic_load(&s->other_cluster))
        buf_text(reasons, "audit: the seals are of another database cluster (docs/operating.md, restore)\n");
    if (atomic_load(&s->unsealed_sec) > UNSEALED_MAX_SEC)
        buf_printf(reasons, "audit: an event has waited %lld s for its seal\n",
                   (long long) atomic_load(&s->unsealed_sec));
}

/* An issuer that no longer signs and has ended needs no CRL any more. */
static void measure_issuer(const struct db_rows *rows, size_t row) {
    struct db_bytes der = db_bytes(rows, row, 1);
    int64_t end_usec = x509_end_usec_of_der(der.data, der.len);
    char id[16], name[32];
    if (!db_bool(rows, row, 2) && end_usec < clock_realtime_usec())
        return;
    (void) snprintf(id, sizeof(id), "%d", (int) db_int64(rows, row, 0));
    (void) snprintf(name, sizeof(name), "issuer %s", id);
    if (db_bool(rows, row, 2))
        metrics_set_time(METRIC_CERTIFICATE_END, name, end_usec);
    metrics_set(METRIC_CRL_END, id, (double) db_int64(rows, row, 3));
}

static void measure(struct context *c, struct db *db) {
    (void) c;
    _cleanup_rows_ struct db_rows *signing = NULL, *issuers = NULL;
    if (db_run(db, &measure_signing_statement, NULL, &signing) > 0) {
        metrics_set(METRIC_HALTED, NULL, db_bool(signing, 0, 0));
        metrics_set(METRIC_UNSEALED, NULL, (double) db_int64(signing, 0, 1));
        if (!db_is_null(signing, 0, 2))
            metrics_set(METRIC_HEAD_LEFT, NULL, (double) db_int64(signing, 0, 2));
    }
    if (db_run(db, &measure_issuers_statement, NULL, &issuers) > 0)
        for (size_t i = 0; i < db_rows_count(issuers); i++)
            measure_issuer(issuers, i);
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
    .lane_init = lane_init,
    .lane_done = lane_done,
    .readiness = readiness,
    .measure = measure,
    .measured = measured,
};

int main(int argc, char **argv) {
    return service_run(&service, argc, argv);
}
