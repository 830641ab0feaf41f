/*
 * What the https listeners prove themselves with and whom they trust: read at the start and again at SIGHUP. A connection keeps
 * what it began with; what no connection holds any more is freed.
 */
#pragma once

#include <microhttpd.h>
#include <stdint.h>

struct tls;

/* NULL, having said why: a file that cannot be read, a key that is not the certificate's, no CA. The caller owns it. */
struct tls *tls_load(const char *certificate, const char *key, const char *client_ca);
void tls_unref(struct tls *tls);

struct tls_holder;

/* Takes first, as of tls_load(); NULL without memory. Freed after the listeners have stopped. */
struct tls_holder *tls_holder_new(struct tls *first);
void tls_holder_free(struct tls_holder *holder);
/* For connections that come from now on; takes it. */
void tls_holder_set(struct tls_holder *holder, struct tls *tls);
/* When the certificate that new connections get ends, usec since 1970; 0 when that cannot be read. Any thread. */
int64_t tls_holder_end_usec(struct tls_holder *holder);
/* Both for MHD_OPTION_NOTIFY_CONNECTION, with the holder: registrars are asked for a certificate of the client CAs, others are not. */
void tls_notify_registrar(void *holder, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what);
void tls_notify_public(void *holder, struct MHD_Connection *connection, void **context,
                       enum MHD_ConnectionNotificationCode what);
