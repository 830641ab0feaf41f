/*
 * The stage ocsp: certificates of delegated OCSP responders (RFC 6960 4.2.2.2, BR 7.1.2.8), for the keys that ingress processes
 * entered. What is built of a stranger's bytes is the point of a P-256 key, whose frame the schema has checked. A halt stops no
 * status: what was issued must stay revocable in the eyes of those who ask.
 */
#include "store/ocsp.h"

#include <errno.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/text.h"
#include "fields.h"
#include "log.h"
#include "metrics.h"
#include "signer.h"

#define RESPONDER_SEC (7 * SEC_PER_DAY)
#define INTERVAL_SEC 10 /* how long a new responder waits at most */

/* id-kp-OCSPSigning, id-pkix-ocsp-nocheck */
#define OCSP_SIGNING "1.3.6.1.5.5.7.3.9"
static const uint8_t oid_nocheck[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x05},
                     oid_ext_key_usage[] = {0x55, 0x1d, 0x25};

struct delegating {
    const struct job *job;
    const struct issuer *issuer;
    struct buf subject; /* DER */
    int64_t count;
};

/* The issuer's name with a CN of its own. */
static int make_subject(struct buf *to, const struct issuer *issuer) {
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(issuer->certificate));
    unsigned char *der = NULL;
    int at = name ? X509_NAME_get_index_by_NID(name, NID_commonName, -1) : -1;
    if (at >= 0)
        X509_NAME_ENTRY_free(X509_NAME_delete_entry(name, at));
    int len = name && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *) "OCSP responder",
                                                 -1, -1, 0) == 1
                  ? i2d_X509_NAME(name, &der)
                  : -1;
    X509_NAME_free(name);
    if (len > 0)
        buf_add(to, der, (size_t) len);
    OPENSSL_free(der);
    return len > 0 && !to->failed ? 0 : -ENOMEM;
}

/* No CRL distribution point, no alternative name, no policies: nobody looks up the responder's own status. */
static void put_extensions(struct buf *to, const struct issuer *issuer, struct db_bytes spki) {
    _cleanup_buf_ struct buf list = {0}, sequence = {0}, usage = {0}, value = {0}, null = {0};
    put_key_usage(&list, false);
    der_put_oid(&usage, OCSP_SIGNING);
    der_wrap(&value, DER_SEQUENCE, &usage);
    PUT_EXTENSION(&list, oid_ext_key_usage, false, &value);
    put_authority_key_id(&list, issuer);
    put_subject_key_id(&list, spki);
    der_put(&null, DER_NULL, NULL, 0);
    PUT_EXTENSION(&list, oid_nocheck, false, &null);
    der_wrap(&sequence, DER_SEQUENCE, &list);
    der_wrap(to, DER_CONTEXT_CONSTRUCTED | 3, &sequence);
}

static int build(struct buf *tbs, const struct delegating *d, const uint8_t *serial, struct db_bytes spki,
                 int64_t from_usec, int64_t to_usec) {
    static const uint8_t version_3[] = {0xa0, 0x03, 0x02, 0x01, 0x02};
    _cleanup_buf_ struct buf fields = {0}, validity = {0};
    buf_add(&fields, version_3, sizeof(version_3));
    put_serial(&fields, serial);
    buf_add(&fields, d->issuer->algorithm.data, d->issuer->algorithm.len);
    buf_add(&fields, d->issuer->name.data, d->issuer->name.len);
    put_time(&validity, from_usec);
    put_time(&validity, to_usec);
    der_wrap(&fields, DER_SEQUENCE, &validity);
    buf_add(&fields, d->subject.data, d->subject.len);
    buf_add(&fields, spki.data, spki.len);
    put_extensions(&fields, d->issuer, spki);
    der_wrap(tbs, DER_SEQUENCE, &fields);
    return tbs->failed ? -ENOMEM : 0;
}

/* Read back by the library, which knows nothing of how it was built: it can sign OCSP for this CA and nothing else. */
static bool is_responder(const struct buf *der, const struct issuer *issuer) {
    const unsigned char *p = (const unsigned char *) der->data;
    X509 *x = d2i_X509(NULL, &p, (long) der->len);
    bool good = x && p == (const unsigned char *) der->data + der->len &&
                X509_verify(x, X509_get0_pubkey(issuer->certificate)) == 1 &&
                X509_check_issued(issuer->certificate, x) == X509_V_OK &&
                X509_get_extended_key_usage(x) == XKU_OCSP_SIGN && X509_get_key_usage(x) == KU_DIGITAL_SIGNATURE &&
                X509_check_ca(x) == 0 && EVP_PKEY_is_a(X509_get0_pubkey(x), "EC");
    X509_free(x);
    return good;
}

static int delegate_one(struct db *db, const struct delegating *d, struct db_bytes spki, int64_t now_usec) {
    _cleanup_buf_ struct buf tbs = {0}, der = {0};
    uint8_t serial[SERIAL_BYTES];
    int64_t from = now_usec - now_usec % USEC_PER_SEC, to = from + (RESPONDER_SEC - 1) * USEC_PER_SEC;
    if (to > d->issuer->not_after_usec)
        to = d->issuer->not_after_usec;
    int r = draw_serial(serial);
    if (r == 0)
        r = build(&tbs, d, serial, spki, from, to);
    if (r == 0)
        r = issuer_sign(&der, d->issuer, tbs.data, tbs.len);
    if (r < 0)
        return r;
    if (!is_responder(&der, d->issuer)) {
        log_bug("OCSP responder: the certificate made is not what it should be");
        return -EINVAL;
    }
    r = ocsp_store(db, d->issuer->id, (struct db_bytes){serial, SERIAL_BYTES}, spki,
                   (struct db_bytes){der.data, der.len}, to);
    return r == 0 ? DB_RETRY : r < 0 ? r : 0;
}

static int delegate(struct db *db, void *ctx) {
    struct delegating *d = ctx;
    _cleanup_rows_ struct db_rows *rows = NULL;
    int r = job_again(db, d->job, INTERVAL_SEC);
    if (r <= 0)
        return r < 0 ? r : JOB_LOST;
    /* RFC 6960 4.2.2.2.1: short-lived, so renewed at half its life. */
    d->count = ocsp_due(db, d->issuer->id, RESPONDER_SEC / 2, &rows);
    if (d->count < 0)
        return (int) d->count;
    for (int64_t i = 0; r >= 0 && i < d->count; i++)
        r = delegate_one(db, d, db_bytes(rows, (size_t) i, 0), db_time(rows, (size_t) i, 1));
    return r < 0 ? r : 0;
}

int ocsp_work(struct context *c, const struct job *job) {
    struct delegating d = {.job = job};
    _cleanup_(issuer_done) struct issuer issuer = {0};
    int64_t id;
    if (text_to_int64(job->subject, 1, INT16_MAX, &id) < 0)
        return -EINVAL;
    int r = watch_issuer(c, (int) id, &issuer);
    if (r <= 0)
        return r < 0 ? watch_result(c, job, r) : watch_hold(c, job);
    d.issuer = &issuer;
    r = make_subject(&d.subject, &issuer);
    if (r == 0)
        r = db_transaction(c->db, "ocsp", 0, delegate, &d);
    buf_done(&d.subject);
    if (r == 0)
        metrics_add(METRIC_ROWS_OUT, stage_name(STAGE_ocsp), (double) d.count);
    return watch_result(c, job, r);
}
