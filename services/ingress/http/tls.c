#include "services/ingress/http/tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "log.h"

struct tls {
    atomic_int refs;
    gnutls_certificate_credentials_t registrar, public; /* the same key; the first with the client CAs */
};

struct tls_holder {
    pthread_mutex_t lock;
    struct tls *now;
};

/* 0, or negative as of GnuTLS, said. */
static int take_key(gnutls_certificate_credentials_t *ret, const char *certificate, const char *key) {
    int r = gnutls_certificate_allocate_credentials(ret);
    if (r == 0)
        r = gnutls_certificate_set_x509_key_file(*ret, certificate, key, GNUTLS_X509_FMT_PEM);
    if (r < 0)
        log_error("ingress.tls_certificate, tls_key: %s, %s: %s", certificate, key, gnutls_strerror(r));
    return r;
}

struct tls *tls_load(const char *certificate, const char *key, const char *client_ca) {
    struct tls *tls = calloc(1, sizeof(*tls));
    if (!tls)
        return NULL;
    atomic_init(&tls->refs, 1);
    int r = take_key(&tls->public, certificate, key);
    if (r >= 0)
        r = take_key(&tls->registrar, certificate, key);
    if (r >= 0) {
        r = gnutls_certificate_set_x509_trust_file(tls->registrar, client_ca, GNUTLS_X509_FMT_PEM);
        if (r <= 0)
            log_error("ingress.client_ca: %s: %s", client_ca, r < 0 ? gnutls_strerror(r) : "no certificate in it");
        r = r <= 0 ? GNUTLS_E_NO_CERTIFICATE_FOUND : 0;
    }
    if (r >= 0)
        return tls;
    tls_unref(tls);
    return NULL;
}

void tls_unref(struct tls *tls) {
    if (!tls || atomic_fetch_sub(&tls->refs, 1) > 1)
        return;
    if (tls->registrar)
        gnutls_certificate_free_credentials(tls->registrar);
    if (tls->public)
        gnutls_certificate_free_credentials(tls->public);
    free(tls);
}

struct tls_holder *tls_holder_new(struct tls *first) {
    struct tls_holder *holder = calloc(1, sizeof(*holder));
    if (!holder)
        return NULL;
    if (pthread_mutex_init(&holder->lock, NULL) != 0) {
        free(holder);
        return NULL;
    }
    holder->now = first;
    return holder;
}

void tls_holder_free(struct tls_holder *holder) {
    if (!holder)
        return;
    tls_unref(holder->now);
    (void) pthread_mutex_destroy(&holder->lock);
    free(holder);
}

void tls_holder_set(struct tls_holder *holder, struct tls *tls) {
    (void) pthread_mutex_lock(&holder->lock);
    struct tls *before = holder->now;
    holder->now = tls;
    (void) pthread_mutex_unlock(&holder->lock);
    tls_unref(before);
}

int64_t tls_holder_end_usec(struct tls_holder *holder) {
    gnutls_x509_crt_t *chain = NULL;
    unsigned n = 0;
    int64_t usec = 0;
    (void) pthread_mutex_lock(&holder->lock);
    if (gnutls_certificate_get_x509_crt(holder->now->public, 0, &chain, &n) < 0)
        n = 0;
    (void) pthread_mutex_unlock(&holder->lock);
    if (n > 0)
        usec = (int64_t) gnutls_x509_crt_get_expiration_time(chain[0]) * USEC_PER_SEC;
    for (unsigned i = 0; i < n; i++)
        gnutls_x509_crt_deinit(chain[i]);
    gnutls_free(chain);
    return usec;
}

/* Before the handshake, and after the session's end. */
static void notify(struct tls_holder *holder, struct MHD_Connection *connection, bool registrar, void **context,
                   enum MHD_ConnectionNotificationCode what) {
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        tls_unref(*context);
        *context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (!info)
        return;
    (void) pthread_mutex_lock(&holder->lock);
    struct tls *tls = holder->now;
    (void) atomic_fetch_add(&tls->refs, 1);
    (void) pthread_mutex_unlock(&holder->lock);
    *context = tls;
    int r = gnutls_credentials_set(info->tls_session, GNUTLS_CRD_CERTIFICATE, registrar ? tls->registrar : tls->public);
    if (r < 0)
        log_bug("TLS: %s", gnutls_strerror(r));
}

void tls_notify_registrar(void *holder, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what) {
    notify(holder, connection, true, context, what);
}

void tls_notify_public(void *holder, struct MHD_Connection *connection, void **context,
                       enum MHD_ConnectionNotificationCode what) {
    notify(holder, connection, false, context, what);
}
