#include "services/ingress/pki/responder.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "key.h"
#include "log.h"
#include "metrics.h"
#include "store/ocsp.h"
#include "x509.h"

#define ISSUERS_MAX 32

struct authority {
    int id;
    X509 *ca, *certificate;
    int64_t not_after_usec;
};

struct responder {
    struct key_source *source;
    unsigned char *spki; /* OPENSSL_malloc'ed */
    int spki_len;
    pthread_mutex_t lock; /* of what follows */
    struct authority authorities[ISSUERS_MAX];
    size_t count;
};

/* ---- the key */

static int write_key(const char *path, EVP_PKEY *key) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return -errno;
    FILE *file = fdopen(fd, "w");
    if (!file) {
        (void) close(fd);
        return -ENOMEM;
    }
    int r = PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 && fflush(file) == 0 && fsync(fd) == 0
                ? 0
                : -EIO;
    if (fclose(file) != 0)
        r = -EIO;
    return r;
}

/* Written beside and renamed: a process that dies here leaves no half of a key. */
static int make_key(const char *path) {
    _cleanup_buf_ struct buf beside = {0};
    buf_printf(&beside, "%s.new", path);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    int r = key && !beside.failed ? 0 : -ENOMEM;
    if (r == 0 && unlink(buf_string(&beside)) < 0 && errno != ENOENT)
        r = -errno;
    if (r == 0)
        r = write_key(buf_string(&beside), key);
    if (r == 0 && rename(buf_string(&beside), path) < 0)
        r = -errno;
    EVP_PKEY_free(key);
    return r;
}

static int open_key(struct key_source **ret, const char *path) {
    _cleanup_buf_ struct buf uri = {0};
    buf_printf(&uri, "file:%s", path);
    int r = uri.failed ? -ENOMEM : key_source_open(ret, buf_string(&uri));
    if (r == -ENOENT) {
        r = make_key(path);
        if (r == 0)
            r = key_source_open(ret, buf_string(&uri));
    }
    return r;
}

int responder_open(struct responder **ret, const char *directory) {
    _cleanup_buf_ struct buf path = {0};
    buf_printf(&path, "%s/ocsp.key", directory);
    struct responder *r = calloc(1, sizeof(*r));
    if (!r || path.failed) {
        free(r);
        return -ENOMEM;
    }
    (void) pthread_mutex_init(&r->lock, NULL);
    int e = open_key(&r->source, buf_string(&path));
    if (e == 0) {
        r->spki_len = i2d_PUBKEY(key_source_key(r->source), &r->spki);
        e = r->spki_len > 0 ? 0 : -ENOMEM;
    }
    if (e < 0) {
        log_error("OCSP: %s: %s", buf_string(&path),
                  e == -EACCES ? "must be a file that only this user can read" : strerror(-e));
        responder_close(r);
        return e;
    }
    *ret = r;
    return 0;
}

static void drop(struct authority *authorities, size_t count) {
    for (size_t i = 0; i < count; i++) {
        X509_free(authorities[i].ca);
        X509_free(authorities[i].certificate);
    }
}

void responder_close(struct responder *r) {
    if (!r)
        return;
    drop(r->authorities, r->count);
    (void) pthread_mutex_destroy(&r->lock);
    key_source_free(r->source);
    OPENSSL_free(r->spki);
    free(r);
}

/* ---- what the database says */

static X509 *read_certificate(struct db_bytes der) {
    const unsigned char *p = der.data;
    return der.len > 0 ? d2i_X509(NULL, &p, (long) der.len) : NULL;
}

static bool take(struct responder *r, const struct db_rows *rows, size_t row, struct authority *ret) {
    *ret = (struct authority){.id = (int) db_int64(rows, row, 0),
                              .ca = read_certificate(db_bytes(rows, row, 1)),
                              .certificate = read_certificate(db_bytes(rows, row, 2))};
    if (ret->certificate && (X509_check_private_key(ret->certificate, key_source_key(r->source)) != 1 || !ret->ca ||
                             X509_verify(ret->certificate, X509_get0_pubkey(ret->ca)) != 1)) {
        log_error("OCSP: the responder certificate of issuer %d is not ours, not used", ret->id);
        X509_free(ret->certificate);
        ret->certificate = NULL;
    }
    ret->not_after_usec = x509_end_usec(ret->certificate);
    return ret->ca != NULL;
}

int responder_refresh(struct responder *r, struct db *db) {
    struct db_bytes spki = {r->spki, (size_t) r->spki_len};
    struct authority fresh[ISSUERS_MAX] = {{0}}, old[ISSUERS_MAX];
    _cleanup_rows_ struct db_rows *rows = NULL;
    size_t count = 0;
    int e = ocsp_want(db, spki);
    int64_t n = e < 0 ? e : ocsp_issuers(db, spki, &rows);
    if (n < 0)
        return (int) n;
    for (size_t i = 0; i < (size_t) n && count < ISSUERS_MAX; i++)
        if (take(r, rows, i, &fresh[count]))
            count++;
    (void) pthread_mutex_lock(&r->lock);
    size_t before = r->count;
    memcpy(old, r->authorities, before * sizeof(*old));
    memcpy(r->authorities, fresh, count * sizeof(*fresh));
    r->count = count;
    (void) pthread_mutex_unlock(&r->lock);
    drop(old, before);
    return 0;
}

void responder_readiness(struct responder *r, struct buf *reasons) {
    int64_t now = clock_realtime_usec();
    (void) pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++)
        if (r->authorities[i].not_after_usec <= now)
            buf_printf(reasons, "OCSP: no responder certificate for issuer %d (inkan-signer makes it)\n",
                       r->authorities[i].id);
    (void) pthread_mutex_unlock(&r->lock);
}

void responder_measure(struct responder *r) {
    (void) pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++) {
        char name[32];
        (void) snprintf(name, sizeof(name), "ocsp %d", r->authorities[i].id);
        metrics_set_time(METRIC_CERTIFICATE_END, name, r->authorities[i].not_after_usec);
    }
    (void) pthread_mutex_unlock(&r->lock);
}

/* ---- who speaks for an issuer */

bool responder_names(const OCSP_CERTID *id, X509 *ca) {
    static const int digests[] = {NID_sha1, NID_sha256};
    ASN1_OBJECT *digest = NULL;
    if (OCSP_id_get0_info(NULL, &digest, NULL, NULL, (OCSP_CERTID *) (uintptr_t) id) != 1)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(digests); i++)
        if (OBJ_obj2nid(digest) == digests[i]) {
            OCSP_CERTID *ours = OCSP_cert_to_id(EVP_get_digestbynid(digests[i]), NULL, ca);
            bool same = ours && OCSP_id_issuer_cmp(ours, id) == 0;
            OCSP_CERTID_free(ours);
            return same;
        }
    return false;
}

static X509 *share(X509 *x) {
    return x && X509_up_ref(x) == 1 ? x : NULL;
}

bool responder_find(struct responder *r, const OCSP_CERTID *id, struct responder_voice *ret) {
    bool found = false;
    (void) pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count && !found; i++) {
        const struct authority *a = &r->authorities[i];
        found = responder_names(id, a->ca);
        if (found)
            *ret = (struct responder_voice){.issuer = a->id,
                                            .ca = share(a->ca),
                                            .certificate = share(a->certificate),
                                            .not_after_usec = a->not_after_usec,
                                            .key = key_source_key(r->source)};
    }
    (void) pthread_mutex_unlock(&r->lock);
    return found;
}

void responder_voice_done(struct responder_voice *voice) {
    X509_free(voice->ca);
    X509_free(voice->certificate);
    *voice = (struct responder_voice){0};
}
