#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "log.h"
#include "metrics.h"
#include "services/ingress/http/http.h"
#include "services/ingress/pages/pages.h"

void reply_header(struct reply *p, const char *name, const char *format, ...) {
    va_list ap;
    char *value = NULL;
    va_start(ap, format);
    int len = vasprintf(&value, format, ap);
    va_end(ap);
    if (len < 0)
        return;
    /* A line is a line: nothing from outside may begin another header. */
    if (p->headers == ARRAY_SIZE(p->header) || strpbrk(value, "\r\n")) {
        log_bug("reply header %s is dropped", name);
        free(value);
        return;
    }
    p->header[p->headers].name = name;
    p->header[p->headers++].value = value;
}

void reply_json(struct reply *p, int status, json_t *steal) {
    char *text = steal ? json_dumps(steal, JSON_COMPACT) : NULL;
    p->status = text ? status : 500;
    p->type = "application/json";
    buf_reset(&p->body);
    buf_text(&p->body, text ? text : "{}");
    buf_char(&p->body, '\n');
    free(text);
    json_decref(steal);
}

void reply_redirect(struct reply *p, const char *format, ...) {
    char *path = NULL;
    va_list ap;
    va_start(ap, format);
    int len = vasprintf(&path, format, ap);
    va_end(ap);
    p->status = len < 0 ? 500 : 303;
    if (len >= 0)
        reply_header(p, "Location", "%s", path);
    free(len < 0 ? NULL : path);
}

static const struct {
    enum error error;
    int status;
} statuses[] = {
    {ERROR_NO_CLIENT_CERTIFICATE, 401},
    {ERROR_UNKNOWN_CLIENT_CERTIFICATE, 403},
    {ERROR_EXPIRED_CLIENT_CERTIFICATE, 403},
    {ERROR_REMOVED_REGISTRAR, 403},
    {ERROR_NOT_FOUND, 404},
    {ERROR_NOT_CONFIRMED, 400},
    {ERROR_BAD_PARAMETER, 400},
    {ERROR_BAD_REQUEST, 400},
    {ERROR_UNKNOWN_PARAMETER, 400},
    {ERROR_BODY_TOO_LARGE, 413},
    {ERROR_MEDIA_TYPE, 415},
    {ERROR_IDEMPOTENCY_CONFLICT, 422},
    {ERROR_FOREIGN_ORIGIN, 403},
    {ERROR_CSRF_TOKEN, 403},
    {ERROR_OVERLOADED, 429},
    {ERROR_UNAVAILABLE, 503},
    {ERROR_METHOD, 405},
    {ERROR_INTERNAL, 500},
    {ERROR_NOTHING_CHOSEN, 400},
    {ERROR_TOO_MANY_CHOSEN, 400},
    {ERROR_LINK_UNKNOWN, 404},
    {ERROR_LINK_USED, 410},
    {ERROR_LINK_EXPIRED, 410},
    {ERROR_LINK_SUPERSEDED, 410},
    {ERROR_LINK_BUSY, 409},
    {ERROR_LINK_REVOKED, 410},
};

static int status_of(enum error error) {
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
        if (statuses[i].error == error)
            return statuses[i].status;
    return 500;
}

static json_t *text(enum error error, enum error_text which, const json_t *args) {
    _cleanup_buf_ struct buf b = {0};
    error_text(&b, error, which, args);
    return json_string(buf_string(&b));
}

/* RFC 9457. The type names the code; docs/errors.md lists them. */
static json_t *problem(enum error error, int status, const json_t *args) {
    char type[40];
    (void) snprintf(type, sizeof(type), "urn:inkan:error:%d", error_code(error));
    return json_pack("{s:s, s:o, s:i, s:i, s:o, s:o, s:o, s:o}", "type", type, "title",
                     text(error, ERROR_MESSAGE_EN, args), "status", status, "code", error_code(error), "message",
                     text(error, ERROR_MESSAGE_JA, args), "message_en", text(error, ERROR_MESSAGE_EN, args), "remedy",
                     text(error, ERROR_REMEDY_JA, args), "remedy_en", text(error, ERROR_REMEDY_EN, args));
}

int reply_bad_parameter(const struct request *r, struct reply *p, const char *name, const char *value,
                        const char *allowed) {
    const char *args[] = {name, value, allowed};
    reply_error(r, p, ERROR_BAD_PARAMETER, args, ARRAY_SIZE(args));
    return -EINVAL;
}

int reply_error_status(enum error error) {
    char code[12];
    (void) snprintf(code, sizeof(code), "%d", error_code(error));
    metrics_add(METRIC_ERRORS, code, 1);
    return status_of(error);
}

void reply_error(const struct request *r, struct reply *p, enum error error, const char *const *args, size_t n_args) {
    int status = reply_error_status(error);
    json_t *list = json_array();
    for (size_t i = 0; i < n_args; i++)
        (void) json_array_append_new(list, json_string(args[i]));
    buf_reset(&p->body);
    closep(&p->file_fd);
    p->file_fd = -1;
    if (status == 503 || status == 429)
        reply_header(p, "Retry-After", "%d", status == 429 ? 5 : 2);
    if (!r->wants_html || page_error(r, p, status, error, list) < 0) {
        reply_json(p, status, problem(error, status, list));
        p->type = "application/problem+json";
    }
    json_decref(list);
}
