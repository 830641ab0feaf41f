/* A CSR as DER. What is accepted, OpenSSL accepts too, with the same key and a signature that is right. */
#include <openssl/x509.h>

#include "base/text.h"
#include "fuzz.h"
#include "services/validator/csr.h"

static void hold_against_openssl(const struct csr *csr, const uint8_t *data, size_t size) {
    const unsigned char *p = data;
    X509_REQ *request = d2i_X509_REQ(NULL, &p, (long) size);
    MUST(request && p == data + size);
    MUST(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) == 1);
    unsigned char *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(request), &spki);
    MUST(len > 0 && (size_t) len == csr->spki_len && memcmp(spki, csr->spki, csr->spki_len) == 0);
    OPENSSL_free(spki);
    X509_REQ_free(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct policy_profile profiles[] = {{3, POLICY_KEY_RSA, 2048, "RSA 2048"},
                                                     {11, POLICY_KEY_EC, 384, "ECDSA P-384 (secp384r1)"}};
    static const struct policy_profile *const wanted[] = {NULL, &profiles[0], &profiles[1]};
    _cleanup_buf_ struct buf base64 = {0};
    text_base64(&base64, data, size);
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        struct csr csr;
        struct problems problems = {.format = tsv_format("server-issue")};
        MUST(csr_check(&csr, buf_string(&base64), base64.len, NULL, wanted[i], 7, &problems) == 0);
        MUST(!problems.failed);
        if (!problems_any(&problems))
            hold_against_openssl(&csr, data, size);
        csr_done(&csr);
        problems_done(&problems);
    }
    return 0;
}
