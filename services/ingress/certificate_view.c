#include "services/ingress/certificate_view.h"

#include <errno.h>
#include <openssl/objects.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"

#define PEM_LINE 64

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(PKCS7 *, PKCS7_free)
DEFINE_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free)

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

json_t *certificate_view(struct db_bytes der) {
    _cleanup_(X509_freep) X509 *x = certificate_read(der);
    if (!x)
        return NULL;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "dn", name_lines(X509_get_subject_name(x)), "names",
                     dns_names(x), "serial", serial_shown(x), "issuer", common_name(X509_get_issuer_name(x)),
                     "not_before", time_shown(X509_get0_notBefore(x)), "not_after", time_shown(X509_get0_notAfter(x)));
}

void certificate_pem(struct buf *to, struct db_bytes der) {
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

int certificate_p7b(struct buf *to, struct db_bytes der, struct db_bytes issuer_der) {
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
