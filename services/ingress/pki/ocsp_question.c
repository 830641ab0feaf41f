#include "services/ingress/pki/ocsp_question.h"

#define NONCE_BYTES_MAX 128 /* RFC 9654 2.1 */

static bool nonce_is_good(const X509_EXTENSION *extension) {
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data((X509_EXTENSION *) (uintptr_t) extension);
    const unsigned char *p = ASN1_STRING_get0_data(value), *begin = p;
    ASN1_OCTET_STRING *nonce = d2i_ASN1_OCTET_STRING(NULL, &p, ASN1_STRING_length(value));
    bool good = nonce && p - begin == ASN1_STRING_length(value) && ASN1_STRING_length(nonce) >= 1 &&
                ASN1_STRING_length(nonce) <= NONCE_BYTES_MAX;
    ASN1_OCTET_STRING_free(nonce);
    return good;
}

/* Critical extensions that we do not know cannot be passed over (RFC 6960 4.4). */
static bool take_extensions(struct ocsp_question *q) {
    for (int i = 0; i < OCSP_REQUEST_get_ext_count(q->request); i++) {
        X509_EXTENSION *extension = OCSP_REQUEST_get_ext(q->request, i);
        bool nonce = OBJ_obj2nid(X509_EXTENSION_get_object(extension)) == NID_id_pkix_OCSP_Nonce;
        if (nonce && (q->has_nonce || !nonce_is_good(extension)))
            return false;
        if (!nonce && X509_EXTENSION_get_critical(extension))
            return false;
        q->has_nonce = q->has_nonce || nonce;
    }
    return true;
}

static bool take_one(struct ocsp_question *q, size_t i) {
    OCSP_ONEREQ *one = OCSP_request_onereq_get0(q->request, (int) i);
    ASN1_INTEGER *number = NULL;
    if (OCSP_ONEREQ_get_ext_by_critical(one, 1, -1) >= 0)
        return false;
    q->ids[i] = OCSP_onereq_get0_id(one);
    if (OCSP_id_get0_info(NULL, NULL, NULL, &number, q->ids[i]) != 1)
        return false;
    BIGNUM *serial = ASN1_INTEGER_to_BN(number, NULL);
    if (serial && !BN_is_negative(serial) && BN_num_bytes(serial) <= OCSP_SERIAL_BYTES)
        (void) BN_bn2binpad(serial, q->serials[i], OCSP_SERIAL_BYTES);
    BN_free(serial);
    return true;
}

bool ocsp_question_read(struct ocsp_question *q, const void *der, size_t len) {
    const unsigned char *p = der;
    q->request = d2i_OCSP_REQUEST(NULL, &p, (long) len);
    int n = q->request && p == (const unsigned char *) der + len ? OCSP_request_onereq_count(q->request) : 0;
    if (n < 1 || n > OCSP_SERIALS_MAX || !take_extensions(q))
        return false;
    q->n = (size_t) n;
    for (size_t i = 0; i < q->n; i++)
        if (!take_one(q, i))
            return false;
    return true;
}

void ocsp_question_done(struct ocsp_question *q) {
    OCSP_REQUEST_free(q->request);
    q->request = NULL;
}
