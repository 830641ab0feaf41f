#include "cms.h"

#include <errno.h>
#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "key.h"
#include "x509.h"

struct cms {
    X509 *certificate;
    STACK_OF(X509) * others; /* sent along: the signer's own is added by CMS itself */
    struct key_source *key;
    int64_t expires_usec;
};

void cms_free(struct cms *cms) {
    if (!cms)
        return;
    X509_free(cms->certificate);
    sk_X509_pop_free(cms->others, X509_free);
    key_source_free(cms->key);
    free(cms);
}

static int read_certificates(struct cms *cms, const char *path) {
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    cms->certificate = PEM_read_X509(file, NULL, NULL, NULL);
    cms->others = sk_X509_new_null();
    for (X509 *x; cms->certificate && cms->others && (x = PEM_read_X509(file, NULL, NULL, NULL));)
        if (sk_X509_push(cms->others, x) <= 0)
            X509_free(x);
    (void) fclose(file);
    cms->expires_usec = x509_end_usec(cms->certificate);
    return cms->others && cms->expires_usec > 0 ? 0 : -EINVAL;
}

int cms_open(struct cms **ret, const char *certificate, const char *key, const char *address, struct buf *errors) {
    struct cms *cms = calloc(1, sizeof(*cms));
    if (!cms)
        return -ENOMEM;
    int r = read_certificates(cms, certificate);
    if (r < 0)
        buf_printf(errors, "mailer.certificate: %s: %s\n", certificate, strerror(-r));
    else if ((r = key_source_open(&cms->key, key)) < 0)
        buf_printf(errors, "mailer.key: %s: %s\n", key,
                   r == -EACCES ? "must be a file that only this user can read" : strerror(-r));
    else if (X509_check_private_key(cms->certificate, key_source_key(cms->key)) != 1) {
        buf_printf(errors, "mailer.key is not the key of mailer.certificate\n");
        r = -EINVAL;
    } else if (X509_check_email(cms->certificate, address, 0, 0) != 1) {
        /* RFC 8550 3: readers compare the certificate's address with From. */
        buf_printf(errors, "mailer.certificate is not for the address of mailer.from (%s)\n", address);
        r = -EINVAL;
    }
    if (r < 0) {
        cms_free(cms);
        return r;
    }
    *ret = cms;
    return 0;
}

static bool set_time(CMS_SignerInfo *signer, int64_t usec) {
    ASN1_TIME *time = X509_time_adj_ex(NULL, 0, 0, &(time_t){(time_t) (usec / USEC_PER_SEC)});
    bool good = time && CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_signingTime, time->type, time, -1) == 1;
    ASN1_TIME_free(time);
    return good;
}

int cms_sign(const struct cms *cms, const struct buf *content, int64_t signing_usec, struct buf *ret) {
    const unsigned flags = CMS_DETACHED | CMS_BINARY | CMS_PARTIAL | CMS_NOSMIMECAP;
    BIO *data = BIO_new_mem_buf(content->data, (int) content->len);
    CMS_ContentInfo *info = CMS_sign(NULL, NULL, cms->others, NULL, flags);
    CMS_SignerInfo *signer =
        info ? CMS_add1_signer(info, cms->certificate, key_source_key(cms->key), EVP_sha256(), flags) : NULL;
    unsigned char *der = NULL;
    int len = 0;
    if (data && signer && set_time(signer, signing_usec) && CMS_final(info, data, NULL, flags) == 1)
        len = i2d_CMS_ContentInfo(info, &der);
    if (len > 0)
        buf_add(ret, der, (size_t) len);
    OPENSSL_free(der);
    CMS_ContentInfo_free(info);
    BIO_free(data);
    return len > 0 && !ret->failed ? 0 : -EIO;
}

int64_t cms_expires_usec(const struct cms *cms) {
    return cms->expires_usec;
}
