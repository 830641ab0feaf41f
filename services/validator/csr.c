#include "csr.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "csr_key.h"
#include "csr_subject.h"
#include "der.h"

/* More than any request of a permitted key needs; the column's own bound is reported by its own error. */
#define CSR_DER_MAX 16384

DEFINE_CLEANUP(X509_NAME *, X509_NAME_free)
DEFINE_CLEANUP(X509_ALGOR *, X509_ALGOR_free)
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)

/* A CertificationRequest (RFC 2986 4.2), taken apart; every part with its header, the signature without. */
struct request {
    struct der info, version, subject, spki, algorithm, signature;
};

static void complain_format(struct problems *p, int column, const char *what) {
    problem_item(p, ERROR_CSR_FORMAT, column, what, NULL);
}

/* Nothing of them is used, but they must be what they say they are. Old tools leave the [0] out. */
static void skip_attributes(struct der *info) {
    if (der_at_end(info))
        return;
    struct der attributes = der_get(info, DER_CONTEXT_CONSTRUCTED | 0);
    while (!attributes.failed && attributes.left > 0) {
        struct der attribute = der_get_any(&attributes);
        const unsigned char *p = attribute.at;
        X509_ATTRIBUTE *read = attribute.failed ? NULL : d2i_X509_ATTRIBUTE(NULL, &p, (long) attribute.left);
        attributes.failed |= !read || p != attribute.at + attribute.left;
        X509_ATTRIBUTE_free(read);
    }
    info->failed |= attributes.failed;
}

static bool read_request(struct request *ret, struct der *from) {
    struct der fields = der_get(from, DER_SEQUENCE);
    ret->info = der_get_any(&fields);
    ret->algorithm = der_get_any(&fields);
    ret->signature = der_get(&fields, DER_BIT_STRING);
    struct der whole = ret->info, info = der_get(&whole, DER_SEQUENCE);
    ret->version = der_get(&info, DER_INTEGER);
    ret->subject = der_get_any(&info);
    ret->spki = der_get_any(&info);
    skip_attributes(&info);
    if (!der_at_end(&fields) || !der_at_end(&info) || ret->signature.left < 1 || ret->signature.at[0] != 0)
        return false;
    ret->signature.at++; /* the count of unused bits */
    ret->signature.left--;
    return true;
}

/* Base64 and the outer structure. 1, 0 with an error, or -ENOMEM. */
static int decode(struct request *ret, struct buf *der, const char *base64, size_t len, int column,
                  struct problems *problems) {
    if (len / 4 * 3 > CSR_DER_MAX) {
        complain_format(problems, column, "PKCS#10");
        return 0;
    }
    int r = text_from_base64(base64, len, der);
    if (r == -ENOMEM || der->failed)
        return -ENOMEM;
    if (r < 0) {
        complain_format(problems, column, "base64");
        return 0;
    }
    struct der all = der_of(der->data, der->len);
    char what[48] = "PKCS#10";
    bool good = read_request(ret, &all);
    if (good && all.left > 0) {
        (void) snprintf(what, sizeof(what), "PKCS#10 + %zu bytes", all.left);
        good = false;
    } else if (good && !der_equal(&ret->version, "\0", 1)) {
        (void) snprintf(what, sizeof(what), "version");
        good = false;
    }
    if (!good)
        complain_format(problems, column, what);
    return good;
}

/* RFC 2986 4.2; hashes as the CP accepts them, no MD5. */
static bool signature_ok(const struct request *request, EVP_PKEY *pkey) {
    const unsigned char *p = request->algorithm.at;
    _cleanup_(X509_ALGOR_freep) X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &p, (long) request->algorithm.left);
    const ASN1_OBJECT *oid = NULL;
    int digest = NID_undef, key_type = NID_undef, parameters = V_ASN1_UNDEF;
    if (!algorithm)
        return false;
    /* NULL (RFC 4055 5) or none (RFC 5758 3.2); tools mix them up. */
    X509_ALGOR_get0(&oid, &parameters, NULL, algorithm);
    if (parameters != V_ASN1_UNDEF && parameters != V_ASN1_NULL)
        return false;
    if (!OBJ_find_sigid_algs(OBJ_obj2nid(oid), &digest, &key_type) || key_type != EVP_PKEY_get_base_id(pkey))
        return false;
    if (digest != NID_sha1 && digest != NID_sha256 && digest != NID_sha384 && digest != NID_sha512)
        return false;
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    return ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_get_digestbynid(digest), NULL, pkey) == 1 &&
           EVP_DigestVerify(ctx, request->signature.at, request->signature.left, request->info.at,
                            request->info.left) == 1;
}

static void check_subject(const struct der *subject, const struct dn *dn, int column, struct problems *problems) {
    const unsigned char *p = subject->at;
    _cleanup_(X509_NAME_freep) X509_NAME *name = d2i_X509_NAME(NULL, &p, (long) subject->left);
    if (!name || p != subject->at + subject->left)
        complain_format(problems, column, "subject");
    else if (dn)
        csr_subject_check(name, dn, column, problems);
}

static int keep_spki(struct csr *ret, struct der spki) {
    ret->spki = malloc(spki.left);
    if (!ret->spki)
        return -ENOMEM;
    memcpy(ret->spki, spki.at, spki.left);
    ret->spki_len = spki.left;
    (void) SHA256(spki.at, spki.left, ret->spki_hash);
    return 0;
}

int csr_check(struct csr *ret, const char *base64, size_t len, const struct dn *dn,
              const struct policy_profile *profile, int column, struct problems *problems) {
    _cleanup_buf_ struct buf der = {.max = CSR_DER_MAX};
    struct request request;
    struct csr_key key;
    *ret = (struct csr){0};
    int r = decode(&request, &der, base64, len, column, problems);
    if (r <= 0)
        return r;
    if (csr_key_read(&key, request.spki)) {
        r = keep_spki(ret, request.spki);
        if (csr_key_check(&key, profile, column, problems) && !signature_ok(&request, key.pkey))
            problem_item(problems, ERROR_CSR_SIGNATURE, column, NULL);
        check_subject(&request.subject, dn, column, problems);
    } else {
        complain_format(problems, column, "SubjectPublicKeyInfo");
    }
    csr_key_done(&key);
    ERR_clear_error();
    return r < 0 ? r : 0;
}

void csr_done(struct csr *csr) {
    free(csr->spki);
    csr->spki = NULL;
}
