#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/text.h"
#include "log.h"
#include "metrics.h"
#include "services/ingress/http/core.h"

static bool put_pair(struct pair *to, const char *name, const char *value, size_t len) {
    size_t name_len = strlen(name);
    if (len > 0 && memchr(value, '\0', len))
        return false;
    to->name = malloc(name_len + len + 2);
    if (!to->name)
        return false;
    memcpy(to->name, name, name_len + 1);
    to->value = to->name + name_len + 1;
    if (len > 0)
        memcpy(to->value, value, len);
    to->value[len] = '\0';
    return true;
}

void exchange_unreadable(struct exchange *x, const char *format, ...) {
    va_list ap;
    if (x->body_error != ERROR_NONE)
        return;
    x->body_error = ERROR_BAD_REQUEST;
    va_start(ap, format);
    (void) vsnprintf(x->body_why, sizeof(x->body_why), format, ap);
    va_end(ap);
    text_make_plain(x->body_why);
}

bool exchange_parameter(struct exchange *x, const char *name, const char *value, size_t len) {
    if (x->parameters == PARAMETERS_MAX || len > PARAMETER_BYTES_MAX || strlen(name) > PARAMETER_BYTES_MAX ||
        !put_pair(&x->parameter[x->parameters], name, value, len))
        return false;
    x->parameters++;
    return true;
}

static enum MHD_Result take_query(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                  const char *value, size_t len) {
    (void) kind;
    struct exchange *x = ctx;
    if (strlen(name) != name_len || !exchange_parameter(x, name, value ? value : "", len))
        exchange_unreadable(x, "?%.64s=…", name);
    return MHD_YES;
}

static enum MHD_Result take_header(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                   const char *value, size_t len) {
    (void) kind;
    (void) name_len;
    struct exchange *x = ctx;
    if (x->headers == HEADERS_MAX || !put_pair(&x->header[x->headers], name, value ? value : "", len))
        exchange_unreadable(x, "%.64s: …", name);
    else
        x->headers++;
    return MHD_YES;
}

struct exchange *exchange_new(const char *uri) {
    struct exchange *x = calloc(1, sizeof(*x));
    if (!x)
        return NULL;
    x->watch_fd = -1;
    x->request.file_fd = -1;
    x->reply.file_fd = -1;
    x->request.path = strndup(uri, strcspn(uri, "?"));
    if (x->request.path)
        return x;
    exchange_free(x);
    return NULL;
}

bool exchange_begin(struct exchange *x, struct server *server, enum listener listener,
                    struct MHD_Connection *connection, const char *method) {
    x->phase = PHASE_READING;
    x->begun_usec = clock_monotonic_usec();
    x->server = server;
    x->connection = connection;
    x->reply.status = 200;
    x->request.core = x;
    x->request.listener = listener;
    x->request.method = strdup(method);
    (void) MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, take_query, x);
    (void) MHD_get_connection_values_n(connection, MHD_HEADER_KIND, take_header, x);
    x->request.wants_html = strncmp(x->request.path, "/api/", 5) != 0 && listener != LISTENER_PKI;
    x->request.language = language_choose(request_parameter(&x->request, "lang"), request_header(&x->request, "Cookie"),
                                          request_header(&x->request, "Accept-Language"));
    return x->request.method != NULL;
}

void exchange_free(struct exchange *x) {
    if (!x)
        return;
    for (unsigned i = 0; i < x->parameters; i++)
        free(x->parameter[i].name);
    for (unsigned i = 0; i < x->headers; i++)
        free(x->header[i].name);
    for (unsigned i = 0; i < ARRAY_SIZE(x->segments); i++)
        free(x->segments[i]);
    for (unsigned i = 0; i < x->reply.headers; i++)
        free(x->reply.header[i].value);
    if (x->post)
        (void) MHD_destroy_post_processor(x->post);
    EVP_MD_CTX_free(x->digest);
    closep(&x->request.file_fd);
    closep(&x->reply.file_fd);
    closep(&x->watch_fd);
    free((void *) (uintptr_t) x->request.method);
    free((void *) (uintptr_t) x->request.path);
    buf_done(&x->request.body);
    buf_done(&x->reply.body);
    free(x->reply.delivered_ctx);
    free(x);
}

static void add_security_headers(const struct exchange *x, struct MHD_Response *response) {
    static const char *const always[][2] = {{"X-Content-Type-Options", "nosniff"},
                                            {"Cross-Origin-Resource-Policy", "same-origin"},
                                            {"X-Frame-Options", "DENY"}};
    static const char *const defaults[][2] = {{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
                                              {"Referrer-Policy", "no-referrer"}};
    for (size_t i = 0; i < ARRAY_SIZE(always); i++)
        (void) MHD_add_response_header(response, always[i][0], always[i][1]);
    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
        if (!MHD_get_response_header(response, defaults[i][0]))
            (void) MHD_add_response_header(response, defaults[i][0], defaults[i][1]);
    if (x->request.listener != LISTENER_PKI && !MHD_get_response_header(response, "Cache-Control"))
        (void) MHD_add_response_header(response, "Cache-Control", "no-store");
    if (x->server->secure[x->request.listener])
        (void) MHD_add_response_header(response, "Strict-Transport-Security", "max-age=31536000");
}

static struct MHD_Response *response_of_file(struct reply *p, int64_t *ret_bytes) {
    struct stat facts;
    struct MHD_Response *response =
        fstat(p->file_fd, &facts) == 0 ? MHD_create_response_from_fd64((uint64_t) facts.st_size, p->file_fd) : NULL;
    if (response) {
        p->file_fd = -1; /* the library's now */
        *ret_bytes = facts.st_size;
    }
    return response;
}

static struct MHD_Response *response_of_body(struct reply *p) {
    size_t len = p->body.len;
    char *body = buf_steal(&p->body);
    struct MHD_Response *response = body ? MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE) : NULL;
    if (!response)
        free(body);
    return response;
}

enum MHD_Result exchange_send(struct exchange *x) {
    struct reply *p = &x->reply;
    bool empty = p->body.len == 0 && p->file_fd < 0;
    int64_t bytes = (int64_t) p->body.len;
    struct MHD_Response *response = p->file_fd >= 0 ? response_of_file(p, &bytes) : response_of_body(p);
    if (!response)
        return MHD_NO;
    const char *type = p->type ? p->type : x->request.wants_html ? "text/html; charset=utf-8" : "application/json";
    if (!empty)
        (void) MHD_add_response_header(response, "Content-Type", type);
    for (unsigned i = 0; i < p->headers; i++)
        (void) MHD_add_response_header(response, p->header[i].name, p->header[i].value);
    add_security_headers(x, response);
    char status[12];
    (void) snprintf(status, sizeof(status), "%d", p->status);
    metrics_add(METRIC_HTTP_REQUESTS, status, 1);
    if (p->delivered) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        x->watch_fd = info ? dup(info->connect_fd) : -1;
    }
    patience_await(x->server->patience, x->connection, clock_monotonic_usec(), bytes);
    enum MHD_Result r = MHD_queue_response(x->connection, (unsigned) p->status, response);
    MHD_destroy_response(response);
    return r;
}

/* Names stand in the list as a reader would write it: "cursor, limit". */
static bool takes(const char *list, const char *name) {
    size_t len = strlen(name);
    for (const char *p = list; p && *p; p += strspn(p, ", ")) {
        size_t n = strcspn(p, ",");
        if (n == len && memcmp(p, name, len) == 0)
            return true;
        p += n;
    }
    return false;
}

const char *exchange_unknown_parameter(const struct exchange *x) {
    for (unsigned i = 0; i < x->parameters; i++)
        if (strcmp(x->parameter[i].name, "lang") != 0 && !takes(x->route->takes, x->parameter[i].name))
            return x->parameter[i].name;
    return NULL;
}

/* ---- what handlers see */

static const char *find(const struct pair *pairs, unsigned n, const char *name,
                        int (*compare)(const char *, const char *)) {
    /* From the end: form fields come after query parameters and go before them. */
    while (n-- > 0)
        if (compare(pairs[n].name, name) == 0)
            return pairs[n].value;
    return NULL;
}

const char *request_parameter(const struct request *r, const char *name) {
    const struct exchange *x = r->core;
    return find(x->parameter, x->parameters, name, strcmp);
}

size_t request_parameters(const struct request *r, const char *name, const char **ret, size_t max) {
    const struct exchange *x = r->core;
    size_t n = 0;
    for (unsigned i = 0; i < x->parameters && n < max; i++)
        if (strcmp(x->parameter[i].name, name) == 0)
            ret[n++] = x->parameter[i].value;
    return n;
}

const char *request_header(const struct request *r, const char *name) {
    const struct exchange *x = r->core;
    return find(x->header, x->headers, name, strcasecmp);
}

void request_put_query(const struct request *r, struct buf *to, const char *without) {
    const struct exchange *x = r->core;
    for (unsigned i = 0; i < x->parameters; i++) {
        if (strcmp(x->parameter[i].name, without) == 0)
            continue;
        text_percent(to, x->parameter[i].name);
        buf_char(to, '=');
        text_percent(to, x->parameter[i].value);
        buf_char(to, '&');
    }
}

int64_t request_waited_usec(const struct request *r) {
    const struct exchange *x = r->core;
    return clock_monotonic_usec() - x->complete_usec;
}
