#include "csr.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "csr_key.h"
#include "csr_subject.h"

/* More than any request of a permitted key needs; the column's own bound is reported by its own error. */
#define CSR_DER_MAX 16384

DEFINE_CLEANUP(X509_REQ *, X509_REQ_free)

static void complain_format(struct problems *p, int column, const char *what) {
    problem_item(p, ERROR_CSR_FORMAT, column, what, NULL);
}

/* Base64 and the outer structure. 1 and *ret_req, 0 with an error, or -ENOMEM. */
static int decode(X509_REQ **ret_req, struct buf *ret_der, const char *base64, size_t len, int column,
                  struct problems *problems) {
    if (len / 4 * 3 > CSR_DER_MAX) {
        complain_format(problems, column, "PKCS#10");
        return 0;
    }
    int r = text_from_base64(base64, len, ret_der);
    if (r == -ENOMEM || ret_der->failed)
        return -ENOMEM;
    if (r < 0) {
        complain_format(problems, column, "base64");
        return 0;
    }
    const uint8_t *der = (const uint8_t *) buf_string(ret_der), *p = der;
    _cleanup_(X509_REQ_freep) X509_REQ *req = d2i_X509_REQ(NULL, &p, (long) ret_der->len);
    if (!req) {
        complain_format(problems, column, "PKCS#10");
        return 0;
    }
    if (p != der + ret_der->len) {
        char what[48];
        (void) snprintf(what, sizeof(what), "PKCS#10 + %zu bytes", ret_der->len - (size_t) (p - der));
        complain_format(problems, column, what);
        return 0;
    }
    if (X509_REQ_get_version(req) != X509_REQ_VERSION_1) {
        complain_format(problems, column, "version");
        return 0;
    }
    *ret_req = req;
    req = NULL;
    return 1;
}

/*
 * The bytes of the key as they stand in the request; another encoding of the same key is not accepted. 1, 0 or -ENOMEM.
 */
static int take_spki(struct csr *ret, X509_REQ *req, const struct buf *der, int column, struct problems *problems) {
    unsigned char *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(req), &spki);
    if (len <= 0)
        return -ENOMEM;
    if (!memmem(der->data, der->len, spki, (size_t) len)) {
        OPENSSL_free(spki);
        complain_format(problems, column, "DER");
        return 0;
    }
    ret->spki = spki;
    ret->spki_len = (size_t) len;
    (void) SHA256(spki, (size_t) len, ret->spki_hash);
    return 1;
}

/* RFC 2986 4.2; hashes as the CP accepts them, no MD5. */
static bool signature_ok(X509_REQ *req, EVP_PKEY *key) {
    int digest = NID_undef, key_type = NID_undef;
    if (!OBJ_find_sigid_algs(X509_REQ_get_signature_nid(req), &digest, &key_type))
        return false;
    if (digest != NID_sha1 && digest != NID_sha256 && digest != NID_sha384 && digest != NID_sha512)
        return false;
    return X509_REQ_verify(req, key) == 1;
}

int csr_check(struct csr *ret, const char *base64, size_t len, const struct dn *dn,
              const struct policy_profile *profile, int column, struct problems *problems) {
    _cleanup_buf_ struct buf der = {.max = CSR_DER_MAX};
    _cleanup_(X509_REQ_freep) X509_REQ *req = NULL;
    *ret = (struct csr){0};
    int r = decode(&req, &der, base64, len, column, problems);
    if (r > 0)
        r = take_spki(ret, req, &der, column, problems);
    if (r > 0) {
        EVP_PKEY *key = X509_REQ_get0_pubkey(req);
        if (csr_key_check(X509_REQ_get_X509_PUBKEY(req), key, profile, column, problems) && !signature_ok(req, key))
            problem_item(problems, ERROR_CSR_SIGNATURE, column, NULL);
        if (dn)
            csr_subject_check(X509_REQ_get_subject_name(req), dn, column, problems);
    }
    ERR_clear_error();
    return r < 0 ? r : 0;
}

void csr_done(struct csr *csr) {
    OPENSSL_free(csr->spki);
    csr->spki = NULL;
}
