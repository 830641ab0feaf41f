/* The body of a request: the file goes to an unlinked spool file and is hashed on the way, form fields become parameters. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "log.h"
#include "services/ingress/http/core.h"
#include "services/ingress/http/spool.h"

#define POST_BUFFER_BYTES 32768
#define FORM_BYTES_MAX 65536 /* of a body without a file */
#define TWICE "%.32s=…&%.32s=…"
#define KEPT_BYTES_MAX 4096 /* of a body that is kept as it is */

static void refuse(struct exchange *x, enum error error) {
    if (x->body_error == ERROR_NONE)
        x->body_error = error;
}

static int open_spool(struct exchange *x) {
    struct request *r = &x->request;
    if (r->file_fd >= 0)
        return 0;
    int fd = spool_open(r);
    if (fd < 0)
        return fd;
    r->file_fd = fd;
    x->digest = EVP_MD_CTX_new();
    return x->digest && EVP_DigestInit_ex(x->digest, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

static void spool(struct exchange *x, const char *data, size_t len) {
    struct request *r = &x->request;
    if (x->body_error != ERROR_NONE)
        return;
    if ((int64_t) len > x->server->body_bytes_max - r->file_bytes) {
        refuse(x, ERROR_BODY_TOO_LARGE);
        return;
    }
    r->file_bytes += (int64_t) len;
    (void) EVP_DigestUpdate(x->digest, data, len);
    if (spool_write(r->file_fd, data, len) < 0)
        refuse(x, ERROR_UNAVAILABLE);
}

static void take_file_name(struct request *r, const char *name) {
    /* Some browsers send a path; only the name is for people to see. */
    const char *last = name;
    for (const char *p = name; *p; p++)
        if (*p == '/' || *p == '\\')
            last = p + 1;
    /* Of a name that is too long the end is kept: it tells what the file is. */
    size_t len = strlen(last);
    if (!text_is_utf8(last, len))
        return;
    if (len >= sizeof(r->file_name)) {
        last += len - (sizeof(r->file_name) - 1);
        while (((unsigned char) *last & 0xc0) == 0x80)
            last++;
    }
    (void) snprintf(r->file_name, sizeof(r->file_name), "%s", last);
    text_make_plain(r->file_name);
}

static void take_file_piece(struct exchange *x, const char *filename, const char *data, uint64_t offset, size_t len) {
    /* Two files would be one behind the other. */
    if (offset == 0 && x->request.file_bytes > 0)
        exchange_unreadable(x, TWICE, "file", "file");
    if (open_spool(x) < 0)
        refuse(x, ERROR_UNAVAILABLE);
    if (filename)
        take_file_name(&x->request, filename);
    spool(x, data, len);
}

/* A field that is there twice says two things, but for the one of ticked boxes. */
static bool contradicts(const struct exchange *x, const char *key) {
    if (x->route->repeats && strcmp(key, x->route->repeats) == 0)
        return false;
    for (unsigned i = x->query_parameters; i < x->parameters; i++)
        if (strcmp(x->parameter[i].name, key) == 0)
            return true;
    return false;
}

/* The field that came last, if this is the rest of it: a piece may be empty, and the next one begins at 0 again. */
static struct pair *begun_field(struct exchange *x, const char *key, uint64_t offset) {
    struct pair *last = x->parameters > x->query_parameters ? &x->parameter[x->parameters - 1] : NULL;
    return last && strcmp(last->name, key) == 0 && (offset > 0 || !*last->value) ? last : NULL;
}

/* A field comes in pieces; offset 0 begins it. */
static enum MHD_Result take_part(void *ctx, enum MHD_ValueKind kind, const char *key, const char *filename,
                                 const char *type, const char *encoding, const char *data, uint64_t offset,
                                 size_t len) {
    (void) kind;
    (void) type;
    (void) encoding;
    struct exchange *x = ctx;
    if (!key)
        return MHD_YES;
    if (strcmp(key, "file") == 0 && x->route->takes_file) {
        take_file_piece(x, filename, data, offset, len);
        return MHD_YES;
    }
    struct pair *last = begun_field(x, key, offset);
    _cleanup_buf_ struct buf joined = {.max = PARAMETER_BYTES_MAX};
    if (last) {
        buf_text(&joined, last->value);
        free(last->name);
        x->parameters--;
    } else if (offset > 0 || contradicts(x, key))
        exchange_unreadable(x, TWICE, key, key);
    if (len > 0)
        buf_add(&joined, data, len);
    if (joined.failed || !exchange_parameter(x, key, buf_string(&joined), joined.len))
        exchange_unreadable(x, "%.64s=…", key);
    return MHD_YES;
}

static int64_t body_bytes_max(const struct exchange *x) {
    if (x->route && x->route->body_type)
        return KEPT_BYTES_MAX;
    return x->route && x->route->takes_file ? x->server->body_bytes_max : FORM_BYTES_MAX;
}

int body_begin(struct exchange *x) {
    x->query_parameters = x->parameters;
    const char *type = request_header(&x->request, "Content-Type"),
               *length = request_header(&x->request, "Content-Length");
    int64_t bytes = 0;
    if (length && text_to_int64(length, 0, INT64_MAX, &bytes) < 0)
        exchange_unreadable(x, "Content-Length");
    else if (bytes > body_bytes_max(x))
        refuse(x, ERROR_BODY_TOO_LARGE);
    if (!x->route || strcmp(x->route->method, "POST") != 0 || x->body_error != ERROR_NONE)
        return 0;
    if (x->route->body_type) {
        if (!type || strncasecmp(type, x->route->body_type, strlen(x->route->body_type)) != 0)
            refuse(x, ERROR_MEDIA_TYPE);
        return 0;
    }
    if (type && (strncasecmp(type, "multipart/form-data", 19) == 0 ||
                 strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0)) {
        x->post = MHD_create_post_processor(x->connection, POST_BUFFER_BYTES, take_part, x);
        if (!x->post)
            exchange_unreadable(x, "Content-Type");
        return 0;
    }
    x->in_json = type && strncasecmp(type, "application/json", 16) == 0 && !x->route->takes_file;
    if (!x->route->takes_file)
        return 0;
    if (!type || strncasecmp(type, "text/tab-separated-values", 25) != 0) {
        refuse(x, ERROR_MEDIA_TYPE);
        return 0;
    }
    const char *name = request_parameter(&x->request, "filename");
    if (name)
        take_file_name(&x->request, name);
    x->in_file = true;
    return open_spool(x);
}

void body_take(struct exchange *x, const char *data, size_t len) {
    x->body_bytes += (int64_t) len;
    if (x->body_bytes > body_bytes_max(x) && x->body_error == ERROR_NONE)
        refuse(x, ERROR_BODY_TOO_LARGE);
    if (x->body_error != ERROR_NONE)
        return;
    if (x->route->body_type || x->in_json)
        buf_add(&x->request.body, data, len);
    else if (x->in_file)
        spool(x, data, len);
    else if (x->post && MHD_post_process(x->post, data, len) != MHD_YES)
        exchange_unreadable(x, "form-data");
}

/* An object of texts: each a parameter, as a field of a form is. */
static void take_json(struct exchange *x) {
    const struct buf *body = &x->request.body;
    json_t *object = body->failed ? NULL : json_loadb(buf_string(body), body->len, JSON_REJECT_DUPLICATES, NULL);
    const char *name;
    json_t *value;
    if (!json_is_object(object))
        exchange_unreadable(x, "JSON");
    json_object_foreach(object, name, value) {
        if (!json_is_string(value) || !exchange_parameter(x, name, json_string_value(value), json_string_length(value)))
            exchange_unreadable(x, "JSON: %.64s", name);
    }
    json_decref(object);
}

void body_end(struct exchange *x) {
    if (x->in_json && x->body_error == ERROR_NONE && x->request.body.len > 0)
        take_json(x);
    if (x->post && MHD_destroy_post_processor(x->post) != MHD_YES)
        exchange_unreadable(x, "form-data");
    x->post = NULL;
    /* The database would refuse it later, with nothing that a person could act on. */
    for (unsigned i = 0; i < x->parameters; i++)
        if (!text_is_utf8(x->parameter[i].name, strlen(x->parameter[i].name)) ||
            !text_is_utf8(x->parameter[i].value, strlen(x->parameter[i].value)))
            exchange_unreadable(x, "UTF-8: %.64s", x->parameter[i].name);
    if (x->digest)
        (void) EVP_DigestFinal_ex(x->digest, x->request.file_sha256, NULL);
    if (x->request.file_fd >= 0)
        (void) lseek(x->request.file_fd, 0, SEEK_SET);
}
