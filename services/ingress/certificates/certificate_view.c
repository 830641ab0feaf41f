#include "services/ingress/certificates/certificate_view.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"

#define PEM_LINE 64

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(PKCS7 *, PKCS7_free)
DEFINE_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free)
DEFINE_CLEANUP(CRL_DIST_POINTS *, CRL_DIST_POINTS_free)
DEFINE_CLEANUP(AUTHORITY_INFO_ACCESS *, AUTHORITY_INFO_ACCESS_free)

static X509 *certificate_read(struct db_bytes der) {
    const unsigned char *p = der.data;
    X509 *x = der.data ? d2i_X509(NULL, &p, (long) der.len) : NULL;
    if (x && p != (const unsigned char *) der.data + der.len) {
        X509_free(x);
        return NULL;
    }
    return x;
}

static json_t *text_of(const ASN1_STRING *value, const char *prefix) {
    unsigned char *utf8 = NULL;
    int len = ASN1_STRING_to_UTF8(&utf8, value);
    _cleanup_buf_ struct buf text = {0};
    buf_text(&text, prefix);
    if (len > 0)
        buf_add(&text, utf8, (size_t) len);
    OPENSSL_free(utf8);
    return json_string(buf_string(&text));
}

/* CN first, as the mails and the manual show a DN; the certificate has it last. */
static json_t *name_lines(const X509_NAME *name) {
    json_t *lines = json_array();
    for (int i = X509_NAME_entry_count(name) - 1; i >= 0; i--) {
        X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        const char *type = OBJ_nid2sn(OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)));
        _cleanup_buf_ struct buf prefix = {0};
        buf_printf(&prefix, "%s=", type ? type : "?");
        (void) json_array_append_new(lines, text_of(X509_NAME_ENTRY_get_data(entry), buf_string(&prefix)));
    }
    return lines;
}

static json_t *common_name(const X509_NAME *name) {
    int i = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    return i < 0 ? json_string("") : text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)), "");
}

static json_t *dns_names(const X509 *x) {
    json_t *list = json_array();
    _cleanup_(GENERAL_NAMES_freep) GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS)
            (void) json_array_append_new(list, text_of(name->d.dNSName, ""));
    }
    return list;
}

static json_t *time_shown(const ASN1_TIME *time) {
    struct tm tm;
    char text[CLOCK_TEXT_MAX];
    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return NULL;
    return json_string(clock_jst((int64_t) timegm(&tm) * USEC_PER_SEC, text));
}

static json_t *serial_shown(X509 *x) {
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
    _cleanup_buf_ struct buf text = {0};
    text_serial(&text, ASN1_STRING_get0_data(serial), (size_t) ASN1_STRING_length(serial));
    return json_string(buf_string(&text));
}

static json_t *serial_hex(X509 *x) {
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
    _cleanup_buf_ struct buf text = {0};
    buf_text(&text, "0x");
    text_hex(&text, ASN1_STRING_get0_data(serial), (size_t) ASN1_STRING_length(serial));
    return json_string(buf_string(&text));
}

static json_t *fingerprint(const X509 *x, const EVP_MD *md) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    _cleanup_buf_ struct buf text = {0};
    if (X509_digest(x, md, digest, &len) != 1)
        return json_string("");
    for (unsigned i = 0; i < len; i++)
        buf_printf(&text, "%s%02X", i ? ":" : "", digest[i]);
    return json_string(buf_string(&text));
}

static json_t *key_shown(X509 *x) {
    EVP_PKEY *key = X509_get0_pubkey(x);
    char group[64] = "";
    if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
        EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1)
        return json_sprintf("ECDSA %s", group);
    if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
        return json_sprintf("RSA %d", EVP_PKEY_get_bits(key));
    return json_string("");
}

static void add_addresses(json_t *list, const GENERAL_NAMES *names) {
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_URI)
            (void) json_array_append_new(list, text_of(name->d.uniformResourceIdentifier, ""));
    }
}

static json_t *crl_addresses(const X509 *x) {
    json_t *list = json_array();
    _cleanup_(CRL_DIST_POINTS_freep) CRL_DIST_POINTS *points =
        X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);
    for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
        const DIST_POINT *point = sk_DIST_POINT_value(points, i);
        if (point->distpoint && point->distpoint->type == 0)
            add_addresses(list, point->distpoint->name.fullname);
    }
    return list;
}

static json_t *access_addresses(const X509 *x, int method) {
    json_t *list = json_array();
    _cleanup_(AUTHORITY_INFO_ACCESS_freep) AUTHORITY_INFO_ACCESS *access =
        X509_get_ext_d2i(x, NID_info_access, NULL, NULL);
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access); i++) {
        const ACCESS_DESCRIPTION *one = sk_ACCESS_DESCRIPTION_value(access, i);
        if (OBJ_obj2nid(one->method) == method && one->location->type == GEN_URI)
            (void) json_array_append_new(list, text_of(one->location->d.uniformResourceIdentifier, ""));
    }
    return list;
}

json_t *certificate_view(struct db_bytes der) {
    _cleanup_(X509_freep) X509 *x = certificate_read(der);
    if (!x)
        return NULL;
    const char *signature = OBJ_nid2ln(X509_get_signature_nid(x));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "dn",
                     name_lines(X509_get_subject_name(x)), "cn", common_name(X509_get_subject_name(x)), "names",
                     dns_names(x), "serial", serial_shown(x), "serial_hex", serial_hex(x), "issuer",
                     common_name(X509_get_issuer_name(x)), "not_before", time_shown(X509_get0_notBefore(x)),
                     "not_after", time_shown(X509_get0_notAfter(x)), "key", key_shown(x), "signature",
                     signature ? signature : "", "sha256", fingerprint(x, EVP_sha256()), "sha1",
                     fingerprint(x, EVP_sha1()), "crl", crl_addresses(x), "ocsp", access_addresses(x, NID_ad_OCSP),
                     "ca", access_addresses(x, NID_ad_ca_issuers));
}

/* One PEM block (RFC 7468). */
static void put_pem(struct buf *to, struct db_bytes der) {
    _cleanup_buf_ struct buf base64 = {0};
    text_base64(&base64, der.data, der.len);
    buf_text(to, "-----BEGIN CERTIFICATE-----\n");
    for (size_t i = 0; i < base64.len; i += PEM_LINE) {
        size_t n = base64.len - i < PEM_LINE ? base64.len - i : PEM_LINE;
        buf_add(to, base64.data + i, n);
        buf_char(to, '\n');
    }
    buf_text(to, "-----END CERTIFICATE-----\n");
    if (base64.failed)
        to->failed = true;
}

static int put_p7b(struct buf *to, struct db_bytes der, struct db_bytes issuer_der) {
    _cleanup_(X509_freep) X509 *x = certificate_read(der);
    _cleanup_(X509_freep) X509 *issuer = certificate_read(issuer_der);
    _cleanup_(PKCS7_freep) PKCS7 *p7 = PKCS7_new();
    if (!x || !issuer || !p7 || PKCS7_set_type(p7, NID_pkcs7_signed) != 1 ||
        PKCS7_content_new(p7, NID_pkcs7_data) != 1 || PKCS7_set_detached(p7, 1) != 1 ||
        PKCS7_add_certificate(p7, x) != 1 || PKCS7_add_certificate(p7, issuer) != 1)
        return -EINVAL;
    unsigned char *out = NULL;
    int len = i2d_PKCS7(p7, &out);
    if (len <= 0)
        return -EINVAL;
    buf_add(to, out, (size_t) len);
    OPENSSL_free(out);
    return 0;
}

const struct certificate_form_of certificate_forms[CERTIFICATE_FORM_COUNT] = {
    [CERTIFICATE_FORM_CHAIN] = {"chain", "-chain.cer", "application/x-pem-file"},
    [CERTIFICATE_FORM_PEM] = {"pem", ".cer", "application/x-pem-file"},
    [CERTIFICATE_FORM_DER] = {"der", ".der", "application/pkix-cert"},
    [CERTIFICATE_FORM_P7B] = {"p7b", ".p7b", "application/x-pkcs7-certificates"},
};

int certificate_form(const char *name) {
    for (int i = 0; i < CERTIFICATE_FORM_COUNT; i++)
        if (strcmp(certificate_forms[i].name, name) == 0)
            return i;
    return -1;
}

int certificate_put(struct buf *to, enum certificate_form form, struct db_bytes der, struct db_bytes issuer_der) {
    switch (form) {
    case CERTIFICATE_FORM_CHAIN:
        put_pem(to, der);
        put_pem(to, issuer_der);
        break;
    case CERTIFICATE_FORM_DER:
        buf_add(to, der.data, der.len);
        break;
    case CERTIFICATE_FORM_P7B:
        return put_p7b(to, der, issuer_der);
    default:
        put_pem(to, der);
    }
    return to->failed ? -ENOMEM : 0;
}
