#include "ca_certificate.h"

#include <errno.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SERIAL_BYTES 16
#define DAYS_PER_YEAR 365
#define CRL_DAYS 365 /* BR 4.9.7: of a root, at most twelve months */

int ca_key_new(const char *spec, EVP_PKEY **ret) {
    static const struct {
        const char *spec, *type, *curve;
        size_t bits;
    } kinds[] = {{"rsa:2048", "RSA", NULL, 2048}, {"rsa:3072", "RSA", NULL, 3072}, {"rsa:4096", "RSA", NULL, 4096},
                 {"ec:P-256", "EC", "P-256", 0},  {"ec:P-384", "EC", "P-384", 0},  {"ed25519", "ED25519", NULL, 0}};
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (strcmp(kinds[i].spec, spec) != 0)
            continue;
        *ret = kinds[i].bits    ? EVP_PKEY_Q_keygen(NULL, NULL, kinds[i].type, kinds[i].bits)
               : kinds[i].curve ? EVP_PKEY_Q_keygen(NULL, NULL, kinds[i].type, kinds[i].curve)
                                : EVP_PKEY_Q_keygen(NULL, NULL, kinds[i].type);
        return *ret ? 0 : -EIO;
    }
    return -EINVAL;
}

/* BR 7.1.3.2: the hash that belongs to the signing key. */
static const EVP_MD *digest_for(const EVP_PKEY *key) {
    return EVP_PKEY_get_bits(key) == 384 ? EVP_sha384() : EVP_sha256();
}

/* 127 random bits, never zero (BR 7.1: at least 64 from a CSPRNG; RFC 5280 4.1.2.2: positive, at most 20 octets). */
static bool set_serial(X509 *x) {
    unsigned char bytes[SERIAL_BYTES];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return false;
    bytes[0] = (unsigned char) ((bytes[0] & 0x7f) | 0x40);
    BIGNUM *n = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool good = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return good;
}

/* notAfter is inclusive (RFC 5280 4.1.2.5), so the last second is left out. */
static bool set_validity(X509 *x, int64_t years) {
    time_t now = time(NULL);
    return X509_time_adj_ex(X509_getm_notBefore(x), 0, 0, &now) &&
           X509_time_adj_ex(X509_getm_notAfter(x), (int) (years * DAYS_PER_YEAR), -1, &now);
}

static bool add_name(X509_NAME *to, int nid, const char *value) {
    return X509_NAME_add_entry_by_NID(to, nid, MBSTRING_UTF8, (const unsigned char *) value, -1, -1, 0) == 1;
}

static bool set_subject(X509 *x, const struct ca_subject *s) {
    X509_NAME *name = X509_get_subject_name(x);
    return add_name(name, NID_countryName, s->country) && add_name(name, NID_organizationName, s->organisation) &&
           add_name(name, NID_commonName, s->name);
}

/* value is a constant: words from outside never go through OpenSSL's extension language. */
static bool add_constant(X509 *x, X509 *issuer, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool good = extension && X509_add_ext(x, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

/* RFC 5280 4.2.1.4: any policy, as the issuing CA belongs to whom the root does (BR 7.1.2.10.5). */
static bool add_any_policy(X509 *x) {
    CERTIFICATEPOLICIES *policies = CERTIFICATEPOLICIES_new();
    POLICYINFO *policy = POLICYINFO_new();
    bool good = false;
    if (policies && policy) {
        ASN1_OBJECT_free(policy->policyid);
        policy->policyid = OBJ_nid2obj(NID_any_policy);
        if (sk_POLICYINFO_push(policies, policy) > 0) {
            policy = NULL;
            good = X509_add1_ext_i2d(x, NID_certificate_policies, policies, 0, 0) == 1;
        }
    }
    POLICYINFO_free(policy);
    CERTIFICATEPOLICIES_free(policies);
    return good;
}

static GENERAL_NAME *uri_name(const char *base, const char *file) {
    char text[300];
    (void) snprintf(text, sizeof(text), "%s/%s", base, file);
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *uri = ASN1_IA5STRING_new();
    if (!name || !uri || ASN1_STRING_set(uri, text, -1) != 1) {
        GENERAL_NAME_free(name);
        ASN1_IA5STRING_free(uri);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, GEN_URI, uri);
    return name;
}

/* RFC 5280 4.2.1.13 */
static bool add_crl_address(X509 *x, const char *base) {
    CRL_DIST_POINTS *points = CRL_DIST_POINTS_new();
    DIST_POINT *point = DIST_POINT_new();
    GENERAL_NAME *name = uri_name(base, "root.crl");
    bool good = points && point && name && (point->distpoint = DIST_POINT_NAME_new()) != NULL &&
                (point->distpoint->name.fullname = GENERAL_NAMES_new()) != NULL &&
                sk_GENERAL_NAME_push(point->distpoint->name.fullname, name) > 0;
    if (good) {
        name = NULL;
        point->distpoint->type = 0; /* fullName */
        good = sk_DIST_POINT_push(points, point) > 0;
    }
    if (good) {
        point = NULL;
        good = X509_add1_ext_i2d(x, NID_crl_distribution_points, points, 0, 0) == 1;
    }
    GENERAL_NAME_free(name);
    DIST_POINT_free(point);
    CRL_DIST_POINTS_free(points);
    return good;
}

/* RFC 5280 4.2.2.1 */
static bool add_root_address(X509 *x, const char *base) {
    AUTHORITY_INFO_ACCESS *access = AUTHORITY_INFO_ACCESS_new();
    ACCESS_DESCRIPTION *description = ACCESS_DESCRIPTION_new();
    GENERAL_NAME *name = uri_name(base, "root.cer");
    bool good = access && description && name;
    if (good) {
        ASN1_OBJECT_free(description->method);
        description->method = OBJ_nid2obj(NID_ad_ca_issuers);
        GENERAL_NAME_free(description->location);
        description->location = name;
        name = NULL;
        good = sk_ACCESS_DESCRIPTION_push(access, description) > 0;
    }
    if (good) {
        description = NULL;
        good = X509_add1_ext_i2d(x, NID_info_access, access, 0, 0) == 1;
    }
    GENERAL_NAME_free(name);
    ACCESS_DESCRIPTION_free(description);
    AUTHORITY_INFO_ACCESS_free(access);
    return good;
}

static X509 *begin(EVP_PKEY *key, const struct ca_subject *subject, const X509_NAME *issuer, int64_t years) {
    _cleanup_(X509_freep) X509 *x = X509_new();
    if (!x || X509_set_version(x, X509_VERSION_3) != 1 || !set_serial(x) || !set_validity(x, years) ||
        !set_subject(x, subject) || X509_set_issuer_name(x, issuer ? issuer : X509_get_subject_name(x)) != 1 ||
        X509_set_pubkey(x, key) != 1)
        return NULL;
    X509 *ret = x;
    x = NULL;
    return ret;
}

X509 *ca_root_new(EVP_PKEY *key, const struct ca_subject *subject, int64_t years) {
    _cleanup_(X509_freep) X509 *x = begin(key, subject, NULL, years);
    if (!x || !add_constant(x, x, NID_basic_constraints, "critical,CA:TRUE") ||
        !add_constant(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !add_constant(x, x, NID_subject_key_identifier, "hash") || X509_sign(x, key, digest_for(key)) <= 0)
        return NULL;
    X509 *ret = x;
    x = NULL;
    return ret;
}

X509 *ca_issuing_new(EVP_PKEY *key, const struct ca_subject *subject, int64_t years, const char *url, X509 *root,
                     EVP_PKEY *root_key) {
    _cleanup_(X509_freep) X509 *x = begin(key, subject, X509_get_subject_name(root), years);
    if (!x || !add_constant(x, root, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
        !add_constant(x, root, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        /* BR 7.1.2.10.6; clientAuth for policies that put it beside serverAuth */
        !add_constant(x, root, NID_ext_key_usage, "serverAuth,clientAuth") ||
        !add_constant(x, root, NID_subject_key_identifier, "hash") ||
        !add_constant(x, root, NID_authority_key_identifier, "keyid:always") || !add_any_policy(x) ||
        (url && (!add_crl_address(x, url) || !add_root_address(x, url))) ||
        X509_sign(x, root_key, digest_for(root_key)) <= 0)
        return NULL;
    X509 *ret = x;
    x = NULL;
    return ret;
}

X509 *ca_issuing_renew(const X509 *old, int64_t years, EVP_PKEY *root_key) {
    _cleanup_(X509_freep) X509 *x = X509_dup(old);
    if (!x || !set_serial(x) || !set_validity(x, years) || X509_sign(x, root_key, digest_for(root_key)) <= 0)
        return NULL;
    X509 *ret = x;
    x = NULL;
    return ret;
}

static bool add_crl_extensions(X509_CRL *crl, X509 *root) {
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, root, NULL, NULL, crl, 0);
    X509_EXTENSION *key = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    bool good = key && number && ASN1_INTEGER_set(number, 1) == 1 && X509_CRL_add_ext(crl, key, -1) == 1 &&
                X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1;
    ASN1_INTEGER_free(number);
    X509_EXTENSION_free(key);
    return good;
}

X509_CRL *ca_root_crl(X509 *root, EVP_PKEY *root_key) {
    _cleanup_(X509_CRL_freep) X509_CRL *crl = X509_CRL_new();
    _cleanup_(ASN1_TIME_freep) ASN1_TIME *from = ASN1_TIME_adj(NULL, time(NULL), 0, 0);
    _cleanup_(ASN1_TIME_freep) ASN1_TIME *to = ASN1_TIME_adj(NULL, time(NULL), CRL_DAYS, -1);
    if (!crl || !from || !to || X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(root)) != 1 || X509_CRL_set1_lastUpdate(crl, from) != 1 ||
        X509_CRL_set1_nextUpdate(crl, to) != 1 || !add_crl_extensions(crl, root) ||
        X509_CRL_sign(crl, root_key, digest_for(root_key)) <= 0)
        return NULL;
    X509_CRL *ret = crl;
    crl = NULL;
    return ret;
}
