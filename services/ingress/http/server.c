/* The three listeners: libmicrohttpd reads requests and sends replies, database threads do what is in between. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/text.h"
#include "log.h"
#include "services/ingress/http/core.h"
#include "services/ingress/http/tls.h"
#include "services/ingress/pki/responder.h"

#define POOL_THREADS 2
#define CONNECTION_TIMEOUT_SEC 30
#define CONNECTION_MEMORY_BYTES ((size_t) 64 * 1024)
#define PER_ADDRESS 512
#define PEM_BYTES_MAX ((size_t) 256 * 1024)
#define ROW_BYTES 8192 /* of a row of at most 13 columns with a CSR of 2,048 characters */
#define BODY_BYTES_MIN ((int64_t) 1024 * 1024)
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

const char *const listener_names[] = {"registrar", "public", "pki"};

/* ---- one request */

/* What can be said before the body is read: 404, 405, 413, 415, foreign origins, no certificate for an upload. */
static enum error judge_head(struct exchange *x, const char **ret_allow) {
    struct request *r = &x->request;
    x->route = router_find(r->listener, r->method, r->path, x->segments, ret_allow);
    for (size_t i = 0; i < ARRAY_SIZE(x->segments); i++)
        r->segment[i] = x->segments[i];
    if (!x->route)
        return *ret_allow ? ERROR_METHOD : ERROR_NOT_FOUND;
    bool secure = x->server->secure[r->listener];
    if (x->route->changes_state && origin_is_foreign(request_header(r, "Origin"), request_header(r, "Sec-Fetch-Site"),
                                                     request_header(r, "Host"), secure))
        return ERROR_FOREIGN_ORIGIN;
    if (r->listener == LISTENER_REGISTRAR)
        identity_read(x);
    if (x->route->takes_file && x->route->access == ACCESS_REGISTRAR && r->registrar_error != ERROR_NONE)
        return r->registrar_error;
    if (x->body_error == ERROR_NONE && body_begin(x) < 0)
        x->body_error = ERROR_UNAVAILABLE;
    return x->body_error;
}

static enum MHD_Result refuse(struct exchange *x, enum error error, const char *allow) {
    char bytes[24];
    const char *type = request_header(&x->request, "Content-Type"), *arg = NULL;
    (void) snprintf(bytes, sizeof(bytes), "%lld", (long long) x->server->body_bytes_max);
    if (error == ERROR_MEDIA_TYPE)
        arg = type ? type : "-";
    else if (error == ERROR_BODY_TOO_LARGE)
        arg = bytes;
    else if (error == ERROR_BAD_REQUEST)
        arg = x->body_why;
    if (allow)
        reply_header(&x->reply, "Allow", "%s", allow);
    reply_error(&x->request, &x->reply, error, &arg, arg != NULL);
    x->phase = PHASE_ANSWERED;
    return exchange_send(x);
}

static enum MHD_Result complete(struct exchange *x) {
    body_end(x);
    if (x->body_error != ERROR_NONE)
        return refuse(x, x->body_error, NULL);
    x->complete_usec = clock_monotonic_usec();
    x->phase = PHASE_QUEUED;
    patience_rest(x->server->patience, x->connection);
    MHD_suspend_connection(x->connection);
    enum error error = queue_put(x->server->queue, x);
    if (error == ERROR_NONE)
        return MHD_YES;
    reply_error(&x->request, &x->reply, error, NULL, 0);
    x->phase = PHASE_ANSWERED;
    MHD_resume_connection(x->connection);
    return MHD_YES;
}

static enum MHD_Result handle(struct server *server, enum listener listener, struct MHD_Connection *connection,
                              const char *method, const char *data, size_t *len, struct exchange *x) {
    const char *allow = NULL;
    enum error error;
    if (!x)
        return MHD_NO;
    switch (x->phase) {
    case PHASE_NEW:
        if (!exchange_begin(x, server, listener, connection, method))
            return MHD_NO;
        patience_await(server->patience, connection, x->begun_usec, 0);
        error = judge_head(x, &allow);
        return error == ERROR_NONE ? MHD_YES : refuse(x, error, allow);
    case PHASE_READING:
        if (*len == 0)
            return complete(x);
        body_take(x, data, *len);
        patience_await(server->patience, connection, x->begun_usec, x->body_bytes);
        *len = 0;
        return MHD_YES;
    case PHASE_QUEUED:
        return MHD_YES;
    case PHASE_ANSWERED:
        return exchange_send(x);
    }
    return MHD_NO;
}

/* A connection begins or ends. Without memory it has the library's own time limit and credentials. */
static void notify(struct server *s, enum listener listener, struct MHD_Connection *connection, void **context,
                   enum MHD_ConnectionNotificationCode what) {
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        *context = calloc(1, sizeof(struct visitor));
    struct visitor *v = *context;
    if (!v)
        return;
    patience_connection(s->patience, connection, &v->visit, what);
    if (listener == LISTENER_REGISTRAR)
        tls_notify_registrar(s->tls, connection, &v->tls, what);
    else if (listener == LISTENER_PUBLIC)
        tls_notify_public(s->tls, connection, &v->tls, what);
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        free(v);
        *context = NULL;
    }
}

#define HANDLER(name, listener)                                                                                        \
    static enum MHD_Result name(void *ctx, struct MHD_Connection *connection, const char *path, const char *method,    \
                                const char *version, const char *data, size_t *len, void **request) {                  \
        (void) path;                                                                                                   \
        (void) version;                                                                                                \
        return handle(ctx, listener, connection, method, data, len, *request);                                         \
    }                                                                                                                  \
    static void name##_notify(void *ctx, struct MHD_Connection *connection, void **context,                            \
                              enum MHD_ConnectionNotificationCode what) {                                              \
        notify(ctx, listener, connection, context, what);                                                              \
    }
HANDLER(handle_registrar, LISTENER_REGISTRAR)
HANDLER(handle_public, LISTENER_PUBLIC)
HANDLER(handle_pki, LISTENER_PKI)

/* The request line as it came: the path that the handler gets is decoded already, and %2F could no longer be told from /. */
static void *take_uri(void *ctx, const char *uri, struct MHD_Connection *connection) {
    (void) ctx;
    (void) connection;
    return exchange_new(uri);
}

static void completed(void *ctx, struct MHD_Connection *connection, void **request,
                      enum MHD_RequestTerminationCode code) {
    const struct server *server = ctx;
    struct exchange *x = *request;
    *request = NULL;
    patience_await(server->patience, connection, clock_monotonic_usec(), 0);
    if (!x)
        return;
    if (!x->reply.delivered) {
        exchange_free(x);
        return;
    }
    deliveries_watch(x->server->deliveries, x, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

_printf_(2, 0) static void library_log(void *ctx, const char *format, va_list ap) {
    (void) ctx;
    _cleanup_buf_ struct buf line = {.max = 500};
    buf_vprintf(&line, format, ap);
    log_debug("http: %s", buf_string(&line));
}

/* ---- start and stop */

static char *read_pem(const char *name, const char *path) {
    _cleanup_buf_ struct buf text = {.max = PEM_BYTES_MAX};
    FILE *file = fopen(path, "re");
    char chunk[4096];
    for (size_t n; file && (n = fread(chunk, 1, sizeof(chunk), file)) > 0;)
        buf_add(&text, chunk, n);
    if (!file || text.failed || text.len == 0)
        log_error("ingress.%s: %s: %s", name, path, file ? "empty or too large" : strerror(errno));
    if (file)
        (void) fclose(file);
    return text.len > 0 ? buf_steal(&text) : NULL;
}

static int parse_address(const char *text, struct sockaddr_in *ret) {
    char host[64];
    const char *colon = strrchr(text, ':');
    int64_t port = 0;
    *ret = (struct sockaddr_in){.sin_family = AF_INET};
    if (!colon || (size_t) (colon - text) >= sizeof(host) || text_to_int64(colon + 1, 1, 65535, &port) < 0)
        return -EINVAL;
    (void) snprintf(host, sizeof(host), "%.*s", (int) (colon - text), text);
    ret->sin_port = htons((uint16_t) port);
    return inet_pton(AF_INET, host, &ret->sin_addr) == 1 ? 0 : -EINVAL;
}

static int start(struct server *s, enum listener listener, const struct server_options *o) {
    static const MHD_AccessHandlerCallback handlers[] = {handle_registrar, handle_public, handle_pki};
    static const MHD_NotifyConnectionCallback notifiers[] = {handle_registrar_notify, handle_public_notify,
                                                             handle_pki_notify};
    const char *name = listener_names[listener];
    struct sockaddr_in address;
    int fd = service_inherited(name);
    if (fd < 0 && parse_address(o->listen[listener], &address) < 0) {
        log_error("ingress.%s_listen: \"%s\" is not address:port", name, o->listen[listener]);
        return -EINVAL;
    }
    s->secure[listener] = listener != LISTENER_PKI;
    struct MHD_OptionItem options[12] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t) library_log, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t) take_uri, s},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t) completed, s},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t) notifiers[listener], s},
        {MHD_OPTION_THREAD_POOL_SIZE, POOL_THREADS, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t) o->connections, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, PER_ADDRESS, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_TIMEOUT_SEC, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem tls[6] = {{MHD_OPTION_END, 0, NULL}};
    size_t n = 0;
    if (s->secure[listener]) {
        tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, s->tls_certificate};
        tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, s->tls_key};
        tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *) (uintptr_t) TLS_PRIORITIES};
        if (listener == LISTENER_REGISTRAR)
            tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, s->client_ca};
        tls[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    }
    struct MHD_OptionItem where[2] = {
        {fd >= 0 ? MHD_OPTION_LISTEN_SOCKET : MHD_OPTION_SOCK_ADDR, fd, fd >= 0 ? NULL : (void *) &address},
        {MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                     (s->secure[listener] ? MHD_USE_TLS : 0);
    s->daemon[listener] = MHD_start_daemon(flags, 0, NULL, NULL, handlers[listener], s, MHD_OPTION_ARRAY, options,
                                           MHD_OPTION_ARRAY, tls, MHD_OPTION_ARRAY, where, MHD_OPTION_END);
    if (s->daemon[listener])
        return 0;
    log_error("ingress: cannot listen for %s on %s", name, fd >= 0 ? "the inherited socket" : o->listen[listener]);
    return -EADDRINUSE;
}

static int open_tls(struct server *s, const struct server_options *o) {
    struct tls *tls = tls_load(o->tls_certificate, o->tls_key, o->client_ca);
    s->tls = tls ? tls_holder_new(tls) : NULL;
    if (tls && !s->tls)
        tls_unref(tls);
    return s->tls ? 0 : -EINVAL;
}

void server_reload(struct server *s, const struct server_options *o) {
    struct tls *tls = tls_load(o->tls_certificate, o->tls_key, o->client_ca);
    if (!tls) {
        log_error("ingress: the TLS files cannot be used; the ones read before go on");
        return;
    }
    tls_holder_set(s->tls, tls);
    log_notice("ingress: TLS certificate, key and client CAs read anew");
}

int server_open(struct server **ret, struct context *c, const struct server_options *options) {
    struct server *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->context = c;
    s->spool = options->spool;
    s->body_bytes_max = c->shared.upload_rows_max * ROW_BYTES;
    if (s->body_bytes_max < BODY_BYTES_MIN)
        s->body_bytes_max = BODY_BYTES_MIN;
    s->tls_certificate = read_pem("tls_certificate", options->tls_certificate);
    s->tls_key = read_pem("tls_key", options->tls_key);
    s->client_ca = read_pem("client_ca", options->client_ca);
    int r = s->tls_certificate && s->tls_key && s->client_ca ? 0 : -EINVAL;
    if (r == 0)
        r = open_tls(s, options);
    if (r == 0)
        r = responder_open(&s->responder, s->spool);
    if (r == 0)
        r = queue_open(&s->queue, s, options->threads, options->queue_max, options->queue_per_registrar);
    if (r == 0)
        r = deliveries_open(&s->deliveries, s);
    if (r == 0)
        r = patience_open(&s->patience, options->patience_usec);
    for (int listener = 0; r == 0 && listener < 3; listener++)
        r = start(s, (enum listener) listener, options);
    if (r < 0) {
        server_close(s);
        return r;
    }
    *ret = s;
    return 0;
}

void server_close(struct server *s) {
    if (!s)
        return;
    /* No new connections; the queue answers and resumes all that wait; only then may the library stop. */
    for (int i = 0; i < 3; i++)
        if (s->daemon[i]) {
            int fd = MHD_quiesce_daemon(s->daemon[i]);
            closep(&fd);
        }
    queue_close(s->queue);
    s->queue = NULL;
    for (int i = 0; i < 3; i++)
        if (s->daemon[i])
            MHD_stop_daemon(s->daemon[i]);
    patience_close(s->patience);
    deliveries_close(s->deliveries);
    responder_close(s->responder);
    tls_holder_free(s->tls);
    free(s->tls_certificate);
    if (s->tls_key)
        explicit_bzero(s->tls_key, strlen(s->tls_key));
    free(s->tls_key);
    free(s->client_ca);
    free(s);
}
