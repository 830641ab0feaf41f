/*
 * The stage crl: the next CRL of one shard (RFC 5280 5, BR 7.2). Its job comes round in the same transaction. Entries are written
 * as they are read, a page at a time: memory is that of the CRL's bytes.
 */
#include "store/crl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fields.h"
#include "log.h"
#include "metrics.h"
#include "signer.h"

#define PAGE_ENTRIES 5000

/* 2.5.29.n: RFC 5280 5.3.1, 5.2.3, 5.2.5 */
static const uint8_t oid_reason_code[] = {0x55, 0x1d, 0x15}, oid_crl_number[] = {0x55, 0x1d, 0x14},
                     oid_issuing_point[] = {0x55, 0x1d, 0x1c};

struct making {
    struct context *context;
    const struct issuer *issuer;
    const struct job *job;
    const struct policy *policy;
    int shard;
    int64_t number, now_usec, next_usec;
    int64_t count;
    struct buf entries; /* content of revokedCertificates */
};

/* BR 7.2.2: reason 0 is said by leaving it out. */
static void put_entry(struct buf *to, const uint8_t *serial, int64_t reason, int64_t revoked_usec) {
    _cleanup_buf_ struct buf entry = {0}, code = {0}, extensions = {0};
    put_serial(&entry, serial);
    put_time(&entry, revoked_usec);
    if (reason != 0) {
        const uint8_t value = (uint8_t) reason;
        der_put(&code, DER_ENUMERATED, &value, 1);
        PUT_EXTENSION(&extensions, oid_reason_code, false, &code);
        der_wrap(&entry, DER_SEQUENCE, &extensions);
    }
    der_wrap(to, DER_SEQUENCE, &entry);
}

static void put_number(struct buf *to, int64_t number) {
    _cleanup_buf_ struct buf value = {0};
    uint8_t bytes[1 + sizeof(number)] = {0};
    size_t first = 0;
    for (size_t i = 0; i < sizeof(number); i++)
        bytes[1 + i] = (uint8_t) ((uint64_t) number >> (8 * (sizeof(number) - 1 - i)));
    while (first < sizeof(bytes) - 1 && bytes[first] == 0 && !(bytes[first + 1] & 0x80))
        first++;
    der_put(&value, DER_INTEGER, bytes + first, sizeof(bytes) - first);
    PUT_EXTENSION(to, oid_crl_number, false, &value);
}

/* Critical, the address byte for byte that of the certificates (RFC 5280 5.2.5); neither user nor CA flag set. */
static void put_issuing_point(struct buf *to, const struct making *m) {
    _cleanup_buf_ struct buf address = {0}, name = {0}, value = {0};
    crl_address(&address, m->context->shared.pki_url, m->issuer->id, m->shard);
    put_point_name(&name, &address);
    der_wrap(&value, DER_SEQUENCE, &name);
    PUT_EXTENSION(to, oid_issuing_point, true, &value);
}

/* TBSCertList (RFC 5280 5.1.2); revokedCertificates is absent when there are none. */
static int build(struct buf *tbs, struct making *m) {
    static const uint8_t version_2 = 1;
    _cleanup_buf_ struct buf fields = {0}, extensions = {0}, list = {0};
    der_put(&fields, DER_INTEGER, &version_2, 1);
    buf_add(&fields, m->issuer->algorithm.data, m->issuer->algorithm.len);
    buf_add(&fields, m->issuer->name.data, m->issuer->name.len);
    put_time(&fields, m->now_usec);
    put_time(&fields, m->next_usec);
    if (m->entries.len > 0)
        der_wrap(&fields, DER_SEQUENCE, &m->entries);
    put_authority_key_id(&extensions, m->issuer);
    put_number(&extensions, m->number);
    put_issuing_point(&extensions, m);
    der_wrap(&list, DER_SEQUENCE, &extensions);
    der_wrap(&fields, DER_CONTEXT_CONSTRUCTED | 0, &list);
    der_wrap(tbs, DER_SEQUENCE, &fields);
    return tbs->failed ? -ENOMEM : 0;
}

static int read_entries(struct db *db, struct making *m) {
    uint8_t last[SERIAL_BYTES];
    struct db_bytes after = {0};
    for (int64_t n = PAGE_ENTRIES; n == PAGE_ENTRIES;) {
        _cleanup_rows_ struct db_rows *rows = NULL;
        n = crl_entries(db, m->issuer->id, m->shard, after, PAGE_ENTRIES, &rows);
        if (n < 0)
            return (int) n;
        for (size_t i = 0; i < (size_t) n; i++) {
            struct db_bytes serial = db_bytes(rows, i, 0);
            if (serial.len != SERIAL_BYTES)
                return -EINVAL;
            put_entry(&m->entries, serial.data, db_int64(rows, i, 1), db_time(rows, i, 2));
            memcpy(last, serial.data, SERIAL_BYTES);
        }
        m->count += n;
        after = (struct db_bytes){last, SERIAL_BYTES};
    }
    return m->entries.failed ? -ENOMEM : 0;
}

static int publish(struct db *db, void *ctx) {
    struct making *m = ctx;
    _cleanup_buf_ struct buf tbs = {0}, der = {0};
    buf_reset(&m->entries);
    m->count = 0;
    int r = job_again(db, m->job, m->policy->crl_interval_sec);
    if (r <= 0)
        return r < 0 ? r : JOB_LOST;
    r = crl_next(db, m->issuer->id, m->shard, &m->number, &m->now_usec);
    m->next_usec = m->now_usec + m->policy->crl_validity_sec * USEC_PER_SEC;
    if (r == 0)
        r = read_entries(db, m);
    if (r == 0)
        r = build(&tbs, m);
    if (r == 0)
        r = issuer_sign(&der, m->issuer, tbs.data, tbs.len);
    if (r == 0)
        r = crl_store(db, m->issuer->id, m->shard, m->number, (struct db_bytes){der.data, der.len}, m->now_usec,
                      m->next_usec);
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
    /* ISSUER-SHARD, as issuer_jobs wrote it */
    if (sscanf(job->subject, "%d-%d", &id, &m.shard) != 2) // NOLINT(cert-err34-c)
        return -EINVAL;
    r = watch_issuer(c, id, &issuer);
    if (r <= 0)
        return r < 0 ? watch_result(c, job, r) : watch_hold(c, job);
    m.issuer = &issuer;
    r = db_transaction(c->db, "crl", 0, publish, &m);
    buf_done(&m.entries);
    if (r == 0) {
        metrics_add(METRIC_ROWS_OUT, stage_name(STAGE_crl), (double) m.count);
        log_debug("CRL %s: %lld entries", job->subject, (long long) m.count);
    }
    return watch_result(c, job, r);
}
