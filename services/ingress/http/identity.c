/*
 * Who the registrar is. TLS only asks for a certificate; it is judged here, so that a person gets a page that says what is
 * wrong. The database knows it by the SHA-256 of its DER, so that removal takes effect at once.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "services/ingress/http/core.h"
#include "store/registrar.h"

static enum error judge(gnutls_session_t session) {
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (void *) (uintptr_t) GNUTLS_KP_TLS_WWW_CLIENT};
    unsigned status = 0;
    if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) < 0)
        return ERROR_UNKNOWN_CLIENT_CERTIFICATE;
    if (status == 0)
        return ERROR_NONE;
    /* Expired and nothing else: the person is known, and is told what to do. */
    return (status & ~(unsigned) (GNUTLS_CERT_INVALID | GNUTLS_CERT_EXPIRED)) == 0 && status & GNUTLS_CERT_EXPIRED
               ? ERROR_EXPIRED_CLIENT_CERTIFICATE
               : ERROR_UNKNOWN_CLIENT_CERTIFICATE;
}

static void put_name(int result, char *text) {
    if (result < 0 || !text_is_utf8(text, strlen(text)))
        *text = '\0';
}

static void describe(const gnutls_datum_t *der, struct client_certificate *ret) {
    gnutls_x509_crt_t x = NULL;
    size_t subject = sizeof(ret->subject), issuer = sizeof(ret->issuer);
    ret->present = true;
    if (gnutls_x509_crt_init(&x) < 0)
        return;
    if (gnutls_x509_crt_import(x, der, GNUTLS_X509_FMT_DER) == 0) {
        put_name(gnutls_x509_crt_get_dn(x, ret->subject, &subject), ret->subject);
        put_name(gnutls_x509_crt_get_issuer_dn(x, ret->issuer, &issuer), ret->issuer);
        ret->not_after_usec = (int64_t) gnutls_x509_crt_get_expiration_time(x) * USEC_PER_SEC;
    }
    gnutls_x509_crt_deinit(x);
}

void identity_read(struct exchange *x) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    unsigned n = 0;
    const gnutls_datum_t *list = info ? gnutls_certificate_get_peers(info->tls_session, &n) : NULL;
    if (!list || n == 0) {
        x->request.registrar_error = ERROR_NO_CLIENT_CERTIFICATE;
        return;
    }
    (void) SHA256(list[0].data, list[0].size, x->fingerprint);
    x->request.registrar_error = judge(info->tls_session);
    if (x->request.wants_html)
        describe(&list[0], &x->request.certificate);
}

int identity_look(struct thread *t, struct exchange *x) {
    if (x->request.registrar_error != ERROR_NONE)
        return 0;
    struct registrar_login login;
    _cleanup_rows_ struct db_rows *rows = NULL;
    int n = registrar_login(t->db, x->fingerprint, &login, &rows);
    if (n < 0)
        return n;
    if (n == 0 || !login.active) {
        x->request.registrar_error = n == 0 ? ERROR_UNKNOWN_CLIENT_CERTIFICATE : ERROR_REMOVED_REGISTRAR;
        return 0;
    }
    struct registrar *who = &x->request.registrar;
    who->id = login.id;
    who->organisation = login.organisation;
    who->organisation_active = login.organisation_active;
    who->issuing_expired = login.issuing_expired;
    (void) snprintf(who->name, sizeof(who->name), "%s", login.name);
    (void) snprintf(who->organisation_name, sizeof(who->organisation_name), "%s", login.organisation_ja);
    (void) snprintf(who->organisation_name_en, sizeof(who->organisation_name_en), "%s", login.organisation_en);
    return 0;
}
