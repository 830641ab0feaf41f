/*
 * The body of a request: forms, JSON and files in whatever pieces they come. libmicrohttpd's connection and its form parser are
 * stand-ins that hand the input to our callbacks in the order that the library could.
 *
 * Byte 0 chooses what body it is; then pieces: a byte for name and offset, a byte for the length, and so many bytes.
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "fuzz.h"
#include "services/ingress/http/core.h"
#include "services/ingress/pages/pages.h"

struct MHD_PostProcessor {
    MHD_PostDataIterator take;
    void *ctx;
    uint64_t offset;
};

static const char *content_type;
static const uint8_t *query;
static size_t query_len;

struct MHD_PostProcessor *MHD_create_post_processor(struct MHD_Connection *connection, size_t size,
                                                    MHD_PostDataIterator take, void *ctx) {
    (void) connection;
    (void) size;
    struct MHD_PostProcessor *p = calloc(1, sizeof(*p));
    MUST(p);
    *p = (struct MHD_PostProcessor){take, ctx, 0};
    return p;
}

enum MHD_Result MHD_post_process(struct MHD_PostProcessor *p, const char *data, size_t len) {
    static const char *const names[] = {"file", "kind", "file", "on_error", "csrf", "confirmed", "x", NULL};
    while (len >= 2) {
        unsigned what = (unsigned char) data[0];
        size_t n = (unsigned char) data[1] < len - 2 ? (unsigned char) data[1] : len - 2;
        char *bytes = fuzz_text((const uint8_t *) data + 2, n);
        if (!(what & 8))
            p->offset = 0;
        (void) p->take(p->ctx, MHD_POSTDATA_KIND, names[what % 8 % 7], what & 16 ? bytes : NULL, NULL, NULL,
                       n > 0 ? bytes : NULL, p->offset, n);
        p->offset += n;
        free(bytes);
        data += 2 + n;
        len -= 2 + n;
    }
    return MHD_YES;
}

enum MHD_Result MHD_destroy_post_processor(struct MHD_PostProcessor *p) {
    free(p);
    return MHD_YES;
}

int MHD_get_connection_values_n(struct MHD_Connection *connection, enum MHD_ValueKind kind, MHD_KeyValueIteratorN take,
                                void *ctx) {
    (void) connection;
    if (kind == MHD_HEADER_KIND)
        return (int) take(ctx, kind, "Content-Type", 12, content_type, strlen(content_type));
    const char *value = (const char *) query;
    return (int) take(ctx, kind, "filename", 8, query_len > 0 ? value : NULL, query_len);
}

const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *connection,
                                                        enum MHD_ConnectionInfoType what, ...) {
    (void) connection;
    (void) what;
    return NULL;
}

void patience_await(struct patience *p, struct MHD_Connection *connection, int64_t since_usec, int64_t bytes) {
    (void) p;
    (void) connection;
    (void) since_usec;
    (void) bytes;
}

static void hold(const struct exchange *x) {
    const struct request *r = &x->request;
    MUST(text_is_utf8(r->file_name, strlen(r->file_name)) && !strpbrk(r->file_name, "/\\\r\n\t\x1b"));
    MUST(x->parameters <= PARAMETERS_MAX && r->file_bytes <= x->server->body_bytes_max);
    if (x->body_error != ERROR_NONE)
        return;
    for (unsigned i = 0; i < x->parameters; i++)
        MUST(text_is_utf8(x->parameter[i].value, strlen(x->parameter[i].value)));
    /* A field that is there twice says two things. */
    for (unsigned i = x->query_parameters; i < x->parameters; i++)
        for (unsigned k = i + 1; k < x->parameters; k++)
            MUST(strcmp(x->parameter[i].name, x->parameter[k].name) != 0);
    if (r->file_fd >= 0)
        MUST(lseek(r->file_fd, 0, SEEK_END) == r->file_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const types[] = {"multipart/form-data; boundary=x", "application/json",
                                        "text/tab-separated-values",       "application/x-www-form-urlencoded",
                                        "application/ocsp-request",        "text/html"};
    static const struct route routes[] = {{.method = "POST", .pattern = "/", .takes_file = true},
                                          {.method = "POST", .pattern = "/"},
                                          {.method = "POST", .pattern = "/", .body_type = "application/ocsp-request"}};
    if (size < 2)
        return 0;
    struct server server = {.spool = "/tmp", .body_bytes_max = 600};
    content_type = types[data[0] % ARRAY_SIZE(types)];
    query_len = data[1] < size - 2 ? data[1] % 40 : 0;
    query_len = query_len < size - 2 ? query_len : size - 2;
    query = data + 2;
    data += 2 + query_len;
    size -= 2 + query_len;
    struct exchange *x = exchange_new("/?a=b");
    MUST(x && exchange_begin(x, &server, LISTENER_REGISTRAR, NULL, "POST"));
    x->route = &routes[size % ARRAY_SIZE(routes)];
    (void) body_begin(x);
    for (size_t n; size > 0; data += n, size -= n) {
        n = size < 300 ? size : 300;
        body_take(x, (const char *) data, n);
    }
    body_end(x);
    hold(x);
    exchange_free(x);
    return 0;
}
