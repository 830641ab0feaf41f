/* The stage crl: the next CRL of one shard (RFC 5280 5, BR 7.2). Its job comes round in the same transaction. */
#include "store/crl.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/clock.h"
#include "log.h"
#include "metrics.h"
#include "signer.h"

#define OTHERS_DELAY_USEC (10 * USEC_PER_SEC)

struct making {
    struct context *context;
    const struct issuer *issuer;
    const struct job *job;
    const struct policy *policy;
    int shard;
    int64_t entries;
};

static bool set_time(ASN1_TIME *to, int64_t usec) {
    return ASN1_TIME_adj(to, (time_t) (usec / USEC_PER_SEC), 0, 0) != NULL;
}

/* Critical, the address byte for byte that of the certificates (RFC 5280 5.2.5); neither user nor CA flag set. */
static bool add_issuing_point(X509_CRL *crl, const char *address) {
    ISSUING_DIST_POINT *point = ISSUING_DIST_POINT_new();
    DIST_POINT_NAME *name = DIST_POINT_NAME_new();
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *uri = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    bool good = point && name && names && uri && text && ASN1_STRING_set(text, address, -1) == 1;
    if (good) {
        GENERAL_NAME_set0_value(uri, GEN_URI, text);
        text = NULL;
        good = sk_GENERAL_NAME_push(names, uri) > 0;
    }
    if (good) {
        uri = NULL;
        name->type = 0;
        name->name.fullname = names;
        names = NULL;
        point->distpoint = name;
        name = NULL;
        good = X509_CRL_add1_ext_i2d(crl, NID_issuing_distribution_point, point, 1, 0) == 1;
    }
    ASN1_IA5STRING_free(text);
    GENERAL_NAME_free(uri);
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
    DIST_POINT_NAME_free(name);
    ISSUING_DIST_POINT_free(point);
    return good;
}

static bool add_extensions(X509_CRL *crl, const struct issuer *issuer, int64_t number, const char *address) {
    AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    bool good =
        id && n && (id->keyid = ASN1_OCTET_STRING_new()) &&
        ASN1_OCTET_STRING_set(id->keyid, (const unsigned char *) issuer->key_id.data, (int) issuer->key_id.len) &&
        ASN1_INTEGER_set_int64(n, number) && X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, id, 0, 0) == 1 &&
        X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, 0) == 1 && add_issuing_point(crl, address);
    AUTHORITY_KEYID_free(id);
    ASN1_INTEGER_free(n);
    return good;
}

static bool add_entry(X509_CRL *crl, struct db_bytes serial, int64_t reason, int64_t revoked_usec) {
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *when = ASN1_TIME_new();
    ASN1_ENUMERATED *code = ASN1_ENUMERATED_new();
    BIGNUM *number = BN_bin2bn(serial.data, (int) serial.len, NULL);
    ASN1_INTEGER *n = number ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    /* BR 7.2.2: reason 0 is said by leaving it out. */
    bool good = entry && when && code && n && set_time(when, revoked_usec) && X509_REVOKED_set_serialNumber(entry, n) &&
                X509_REVOKED_set_revocationDate(entry, when) &&
                (reason == 0 || (ASN1_ENUMERATED_set_int64(code, reason) &&
                                 X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, code, 0, 0) == 1)) &&
                X509_CRL_add0_revoked(crl, entry);
    if (good)
        entry = NULL;
    X509_REVOKED_free(entry);
    ASN1_TIME_free(when);
    ASN1_ENUMERATED_free(code);
    BN_free(number);
    ASN1_INTEGER_free(n);
    return good;
}

static X509_CRL *build(const struct making *m, const struct db_rows *rows) {
    const struct issuer *issuer = m->issuer;
    int64_t now = db_time(rows, 0, 2);
    _cleanup_buf_ struct buf address = {0};
    crl_address(&address, m->context->shared.pki_url, issuer->id, m->shard);
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *from = ASN1_TIME_new(), *to = ASN1_TIME_new();
    bool good = crl && from && to && set_time(from, now) &&
                set_time(to, now + m->policy->crl_validity_sec * USEC_PER_SEC) &&
                X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
                X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->certificate)) &&
                X509_CRL_set1_lastUpdate(crl, from) && X509_CRL_set1_nextUpdate(crl, to) &&
                add_extensions(crl, issuer, db_int64(rows, 0, 1), buf_string(&address));
    for (size_t i = 1; good && i < db_rows_count(rows); i++)
        good = add_entry(crl, db_bytes(rows, i, 0), db_int64(rows, i, 1), db_time(rows, i, 2));
    good = good && X509_CRL_sort(crl) && X509_CRL_sign(crl, issuer->key, issuer->digest) > 0;
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    if (good)
        return crl;
    X509_CRL_free(crl);
    return NULL;
}

static int publish(struct db *db, void *ctx) {
    struct making *m = ctx;
    _cleanup_rows_ struct db_rows *rows = NULL;
    int r = job_again(db, m->job, m->policy->crl_interval_sec);
    if (r <= 0)
        return r < 0 ? r : JOB_LOST;
    int64_t n = crl_entries(db, m->issuer->id, m->shard, &rows);
    if (n <= 0)
        return n < 0 ? (int) n : DB_FAILED;
    m->entries = n - 1;
    X509_CRL *crl = build(m, rows);
    unsigned char *der = NULL;
    int len = crl ? i2d_X509_CRL(crl, &der) : -1;
    int64_t now = db_time(rows, 0, 2);
    r = len > 0 ? crl_store(db, m->issuer->id, m->shard, db_int64(rows, 0, 1), (struct db_bytes){der, (size_t) len},
                            now, now + m->policy->crl_validity_sec * USEC_PER_SEC)
                : -EIO;
    OPENSSL_free(der);
    X509_CRL_free(crl);
    return r < 0 ? r : 0;
}

/* The issuer of the CRL, which need not be the one that signs today. 1 and *ret; 0: we have another key; or negative. */
static int load_issuer(struct context *c, int id, struct issuer *ret) {
    struct signer *signer = c->state;
    _cleanup_rows_ struct db_rows *rows = NULL;
    int64_t n = crl_issuer(c->db, id, &rows);
    if (n <= 0)
        return (int) n;
    int r = issuer_load(ret, id, db_bytes(rows, 0, 0), (int) db_int64(rows, 0, 1), key_source_key(signer->ca_key));
    return r == -EINVAL ? 0 : r < 0 ? r : 1;
}

static int give_back(struct context *c, const struct job *job) {
    int r = job_release(c->db, job, OTHERS_DELAY_USEC, true);
    return r < 0 ? r : 0;
}

int crl_work(struct context *c, const struct job *job) {
    struct making m = {.context = c, .job = job};
    _cleanup_(issuer_done) struct issuer issuer = {0};
    int id = 0, r = watch_look(c, &m.policy);
    if (r < 0 && r != -ECANCELED)
        return r;
    if (!m.policy)
        return watch_hold(c, job);
    /* ISSUER-SHARD, as crl_jobs wrote it */
    if (sscanf(job->subject, "%d-%d", &id, &m.shard) != 2) // NOLINT(cert-err34-c)
        return -EINVAL;
    r = load_issuer(c, id, &issuer);
    if (r <= 0)
        return r < 0 ? r : give_back(c, job); /* it waits for the signer that has this issuer's key */
    m.issuer = &issuer;
    r = db_transaction(c->db, "crl", 0, publish, &m);
    if (r == 0) {
        metrics_add(METRIC_ROWS_OUT, stage_name(STAGE_crl), (double) m.entries);
        log_debug("CRL %s: %lld entries", job->subject, (long long) m.entries);
    }
    return r;
}
