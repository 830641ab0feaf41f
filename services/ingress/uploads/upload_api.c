/* /api/v1/uploads. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "services/ingress/uploads/upload.h"

#define WAIT_MAX_SEC 60
#define EVENT_WAIT_USEC (25 * USEC_PER_SEC)
#define EVENT_RETRY_MSEC 200

static int send_upload(struct thread *t, struct request *r, struct reply *p, int status, int64_t id) {
    json_t *upload = NULL;
    int n = upload_get(t, r, &(struct upload_query){.id = id}, &upload);
    if (n < 0)
        return n;
    if (n == 0) {
        reply_error(r, p, ERROR_NOT_FOUND, NULL, 0);
        return 0;
    }
    reply_json(p, status, upload);
    return 0;
}

static int post_upload(struct thread *t, struct request *r, struct reply *p) {
    struct upload_wanted wanted;
    struct upload_refusal refusal;
    int64_t id = 0;
    if (upload_read(r, &wanted, &refusal) != 0) {
        reply_error(r, p, refusal.error, refusal.args, refusal.n_args);
        return 0;
    }
    int n = upload_take(t, r, &wanted, &id);
    if (n == -EEXIST) {
        reply_error(r, p, ERROR_IDEMPOTENCY_CONFLICT, NULL, 0);
        return 0;
    }
    if (n < 0)
        return n;
    reply_header(p, "Location", "/api/v1/uploads/%lld", (long long) id);
    return send_upload(t, r, p, n > 0 ? 202 : 200, id);
}

/* A number that may be left out (0). False: the reply says what is wrong. */
static bool read_number(const struct request *r, struct reply *p, const char *name, int64_t max, const char *allowed,
                        int64_t *ret) {
    const char *text = request_parameter(r, name);
    *ret = 0;
    if (!text || text_to_int64(text, 0, max, ret) == 0)
        return true;
    (void) reply_bad_parameter(r, p, name, text, allowed);
    return false;
}

static int get_upload(struct thread *t, struct request *r, struct reply *p) {
    const char *result = request_parameter(r, "result"), *state = request_parameter(r, "state");
    int64_t wait_sec = 0, cursor = 0;
    json_t *upload = NULL;
    if (!read_number(r, p, "wait", WAIT_MAX_SEC, "0-60", &wait_sec) ||
        !read_number(r, p, "cursor", INT32_MAX, "next", &cursor))
        return 0;
    if (result && strcmp(result, "NG") != 0) {
        (void) reply_bad_parameter(r, p, "result", result, "NG");
        return 0;
    }
    bool waiting = state && request_waited_usec(r) < wait_sec * USEC_PER_SEC;
    int n = upload_get(t, r,
                       &(struct upload_query){.id = upload_id(r->segment[0]),
                                              .cursor = cursor,
                                              .ng_only = result != NULL,
                                              .unless_state = waiting ? state : NULL},
                       &upload);
    if (n == UPLOAD_UNCHANGED)
        return HANDLER_PARK;
    if (n == 0)
        reply_error(r, p, ERROR_NOT_FOUND, NULL, 0);
    else if (n > 0)
        reply_json(p, 200, upload);
    return n < 0 ? n : 0;
}

static int put_event(struct reply *p, const json_t *upload) {
    char progress[UPLOAD_PROGRESS_MAX];
    char *data = json_dumps(upload, JSON_COMPACT);
    if (!data)
        return -ENOMEM;
    upload_progress(upload, progress);
    buf_printf(&p->body, "id: %s\nevent: progress\ndata: %s\n\n", progress, data);
    free(data);
    return 0;
}

/*
 * Server-Sent Events, one a response: the client comes back by itself with Last-Event-ID and waits here until something
 * changed, and 204 tells it that there will be no more. Nothing is held open that a restart would cut.
 */
static int get_events(struct thread *t, struct request *r, struct reply *p) {
    const char *last = request_header(r, "Last-Event-ID");
    if (last && upload_progress_is_final(last)) {
        p->status = 204;
        return 0;
    }
    json_auto_t *upload = NULL;
    int n = upload_get(t, r,
                       &(struct upload_query){.id = upload_id(r->segment[0]), .no_rows = true, .unless_progress = last},
                       &upload);
    if (n == UPLOAD_UNCHANGED && request_waited_usec(r) < EVENT_WAIT_USEC)
        return HANDLER_PARK;
    if (n == 0)
        reply_error(r, p, ERROR_NOT_FOUND, NULL, 0);
    if (n <= 0)
        return n;
    p->type = "text/event-stream";
    buf_printf(&p->body, "retry: %d\n", EVENT_RETRY_MSEC);
    return n == UPLOAD_UNCHANGED ? 0 : put_event(p, upload);
}

static int get_uploads(struct thread *t, struct request *r, struct reply *p) {
    int64_t cursor = 0;
    json_t *list = NULL;
    if (!read_number(r, p, "cursor", INT64_MAX, "next", &cursor))
        return 0;
    int n = upload_list(t, r, cursor, &list);
    if (n < 0)
        return n;
    reply_json(p, 200, list);
    return 0;
}

const struct route upload_api_routes[] = {
    {LISTENER_REGISTRAR, "POST", "/api/v1/uploads", ACCESS_REGISTRAR, true, true, post_upload,
     .takes = "file, filename, kind, on_error, dry_run, confirmed"},
    {LISTENER_REGISTRAR, "GET", "/api/v1/uploads", ACCESS_REGISTRAR, false, false, get_uploads, .takes = "cursor"},
    {LISTENER_REGISTRAR, "GET", "/api/v1/uploads/{}", ACCESS_REGISTRAR, false, false, get_upload,
     .takes = "cursor, result, wait, state"},
    {LISTENER_REGISTRAR, "GET", "/api/v1/uploads/{}/events", ACCESS_REGISTRAR, false, false, get_events},
    {.handle = NULL},
};
