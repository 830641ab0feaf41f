/*
 * Each second: one seal over the audit events of all finished transactions. The mailer waits for it, so that nothing leaves the
 * house before its audit.
 */
#include "store/audit_seal.h"

#include "log.h"
#include "metrics.h"
#include "signer.h"

struct sealing {
    struct signer *signer;
    struct seal seal;
};

static int make_seal(struct db *db, void *ctx) {
    struct sealing *s = ctx;
    uint8_t signature[SEAL_SIGNATURE_BYTES];
    s->seal.events = 0;
    int r = seal_next(db, &s->seal);
    if (r <= 0)
        return r;
    r = seal_sign(&s->seal, key_source_key(s->signer->audit_key), signature);
    return r < 0 ? r : seal_insert(db, &s->seal, s->signer->audit_key_id, signature);
}

int seal_fire(struct context *c) {
    struct sealing s = {.signer = c->state};
    if (!s.signer->audit_key_entered)
        return 0;
    int r = db_transaction(c->db, "seal", 0, make_seal, &s);
    if (r > 0) {
        metrics_add(METRIC_SEALED_EVENTS, NULL, (double) s.seal.events);
        log_debug("seal %lld over %lld events", (long long) s.seal.number, (long long) s.seal.events);
        bus_hint(c->bus, STAGE_send, 0);
    } else if (r < 0)
        log_error("the audit could not be sealed (%d)", r);
    bool other_cluster = false;
    int64_t age = db_connected(c->db) ? seal_age(c->db, &other_cluster) : -1;
    if (age >= 0) {
        atomic_store(&s.signer->unsealed_sec, age);
        if (other_cluster && !atomic_exchange(&s.signer->other_cluster, true))
            log_error(
                "the seals are of another database cluster (a logical restore?): nothing more is sealed or mailed");
    }
    return r < 0 ? r : 0;
}
