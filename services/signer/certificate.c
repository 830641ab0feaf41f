#include "certificate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "fields.h"

/* 2.5.29.n (RFC 5280 4.2.1) and id-pe-authorityInfoAccess (4.2.2.1). */
static const uint8_t oid_ext_key_usage[] = {0x55, 0x1d, 0x25}, oid_policies[] = {0x55, 0x1d, 0x20},
                     oid_crl_points[] = {0x55, 0x1d, 0x1f}, oid_alt_name[] = {0x55, 0x1d, 0x11},
                     oid_info_access[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01};

/* ---- constants */

static void put_ext_key_usage(struct buf *to, bool client_auth) {
    _cleanup_buf_ struct buf list = {0}, value = {0};
    der_put_oid(&list, "1.3.6.1.5.5.7.3.1"); /* serverAuth */
    if (client_auth)
        der_put_oid(&list, "1.3.6.1.5.5.7.3.2");
    der_wrap(&value, DER_SEQUENCE, &list);
    PUT_EXTENSION(to, oid_ext_key_usage, false, &value);
}

static void put_policies(struct buf *to, const struct policy *policy) {
    _cleanup_buf_ struct buf list = {0}, value = {0};
    for (int i = 0; i < policy->policy_oids_count; i++) {
        _cleanup_buf_ struct buf information = {0};
        der_put_oid(&information, policy->policy_oids[i]);
        if (i == 0 && *policy->cps_uri) {
            _cleanup_buf_ struct buf qualifier = {0}, qualifiers = {0};
            der_put_oid(&qualifier, "1.3.6.1.5.5.7.2.1"); /* id-qt-cps */
            der_put_text(&qualifier, DER_IA5_STRING, policy->cps_uri);
            der_wrap(&qualifiers, DER_SEQUENCE, &qualifier);
            der_wrap(&information, DER_SEQUENCE, &qualifiers);
        }
        der_wrap(&list, DER_SEQUENCE, &information);
    }
    der_wrap(&value, DER_SEQUENCE, &list);
    PUT_EXTENSION(to, oid_policies, false, &value);
}

static void put_access(struct buf *to, const char *method, struct buf *address) {
    _cleanup_buf_ struct buf description = {0};
    der_put_oid(&description, method);
    der_wrap(&description, DER_CONTEXT | 6, address);
    der_wrap(to, DER_SEQUENCE, &description);
}

static void put_info_access(struct buf *to, const struct issuer *issuer, const char *pki_url) {
    _cleanup_buf_ struct buf list = {0}, value = {0}, ocsp = {0}, ca = {0};
    buf_printf(&ocsp, "%s/ocsp", pki_url);
    buf_printf(&ca, "%s/ca/%d.cer", pki_url, issuer->id);
    put_access(&list, "1.3.6.1.5.5.7.48.1", &ocsp); /* id-ad-ocsp */
    put_access(&list, "1.3.6.1.5.5.7.48.2", &ca);   /* id-ad-caIssuers */
    der_wrap(&value, DER_SEQUENCE, &list);
    PUT_EXTENSION(to, oid_info_access, false, &value);
}

int profile_make(struct profile *ret, const struct issuer *issuer, const struct policy *policy, const char *pki_url) {
    *ret = (struct profile){
        .issuer = issuer, .pki_url = pki_url, .subject_key_identifier = policy->subject_key_identifier};
    put_ext_key_usage(&ret->constant, policy->client_auth);
    put_authority_key_id(&ret->constant, issuer);
    put_policies(&ret->constant, policy);
    put_info_access(&ret->constant, issuer, pki_url);
    return ret->constant.failed ? -ENOMEM : 0;
}

void profile_done(struct profile *profile) {
    buf_done(&profile->constant);
}

/* ---- the parts of one certificate */

int crl_shard(const uint8_t serial[static SERIAL_BYTES], int shards) {
    return (serial[SERIAL_BYTES - 2] << 8 | serial[SERIAL_BYTES - 1]) % shards;
}

void crl_address(struct buf *to, const char *pki_url, int issuer, int shard) {
    buf_printf(to, "%s/crl/%d-%d.crl", pki_url, issuer, shard);
}

static void put_attribute(struct buf *to, uint8_t type, unsigned tag, const char *text) {
    _cleanup_buf_ struct buf pair = {0}, set = {0};
    if (!text)
        return;
    const uint8_t oid[] = {0x55, 0x04, type}; /* X.520 */
    der_put(&pair, DER_OID, oid, sizeof(oid));
    der_put_text(&pair, tag, text);
    der_wrap(&set, DER_SEQUENCE, &pair);
    der_wrap(to, DER_SET, &set);
}

/* BR 7.1.4.2: C, ST, L, O, OU, CN, one attribute a RDN; C PrintableString, the others UTF8String. */
static void put_subject(struct buf *to, const struct content *content) {
    _cleanup_buf_ struct buf name = {0};
    put_attribute(&name, 6, DER_PRINTABLE_STRING, "JP");
    put_attribute(&name, 8, DER_UTF8_STRING, content->st);
    put_attribute(&name, 7, DER_UTF8_STRING, content->l);
    put_attribute(&name, 10, DER_UTF8_STRING, content->o);
    for (size_t i = 0; i < content->ous_count; i++)
        put_attribute(&name, 11, DER_UTF8_STRING, content->ous[i]);
    put_attribute(&name, 3, DER_UTF8_STRING, content->cn);
    der_wrap(to, DER_SEQUENCE, &name);
}

static void put_validity(struct buf *to, const struct content *content) {
    _cleanup_buf_ struct buf validity = {0};
    put_time(&validity, content->not_before_usec);
    put_time(&validity, content->not_after_usec);
    der_wrap(to, DER_SEQUENCE, &validity);
}

static void put_alt_name(struct buf *to, const struct content *content) {
    _cleanup_buf_ struct buf list = {0}, value = {0};
    for (size_t i = 0; i < content->names_count; i++)
        der_put_text(&list, DER_CONTEXT | 2, content->names[i]);
    der_wrap(&value, DER_SEQUENCE, &list);
    PUT_EXTENSION(to, oid_alt_name, false, &value);
}

/* BR 7.1.2.11.2: one DistributionPoint, fullName only, http. */
static void put_crl_point(struct buf *to, const struct profile *profile, const struct content *content) {
    _cleanup_buf_ struct buf address = {0}, name = {0}, point = {0}, value = {0};
    crl_address(&address, profile->pki_url, profile->issuer->id,
                crl_shard(content->serial, profile->issuer->crl_shards));
    put_point_name(&name, &address);
    der_wrap(&point, DER_SEQUENCE, &name);
    der_wrap(&value, DER_SEQUENCE, &point);
    PUT_EXTENSION(to, oid_crl_points, false, &value);
}

static void put_extensions(struct buf *to, const struct profile *profile, const struct content *content) {
    _cleanup_buf_ struct buf list = {0}, sequence = {0};
    put_key_usage(&list, content->rsa);
    buf_add(&list, profile->constant.data, profile->constant.len);
    put_crl_point(&list, profile, content);
    put_alt_name(&list, content);
    if (profile->subject_key_identifier)
        put_subject_key_id(&list, content->spki);
    der_wrap(&sequence, DER_SEQUENCE, &list);
    der_wrap(to, DER_CONTEXT_CONSTRUCTED | 3, &sequence);
}

int certificate_validity(const struct policy *policy, const struct issuer *issuer, int64_t now_usec,
                         int64_t *ret_not_before_usec, int64_t *ret_not_after_usec) {
    int64_t from = now_usec - now_usec % USEC_PER_SEC, days = policy_validity_days(policy, from);
    int64_t to = from + (days * SEC_PER_DAY - 1) * USEC_PER_SEC;
    if (days == 0 || to > issuer->not_after_usec)
        return -ERANGE;
    *ret_not_before_usec = from;
    *ret_not_after_usec = to;
    return 0;
}

int certificate_build(struct buf *tbs, const struct profile *profile, const struct content *content) {
    static const uint8_t version_3[] = {0xa0, 0x03, 0x02, 0x01, 0x02};
    const struct issuer *issuer = profile->issuer;
    _cleanup_buf_ struct buf fields = {0};
    buf_add(&fields, version_3, sizeof(version_3));
    put_serial(&fields, content->serial);
    buf_add(&fields, issuer->algorithm.data, issuer->algorithm.len);
    buf_add(&fields, issuer->name.data, issuer->name.len);
    put_validity(&fields, content);
    put_subject(&fields, content);
    buf_add(&fields, content->spki.data, content->spki.len);
    put_extensions(&fields, profile, content);
    buf_reset(tbs);
    der_wrap(tbs, DER_SEQUENCE, &fields);
    return tbs->failed ? -ENOMEM : 0;
}
