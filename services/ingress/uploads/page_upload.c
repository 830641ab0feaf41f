/* Taking in an upload from the form, one upload's page, and the list. */
#include "services/ingress/uploads/page_upload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "services/ingress/uploads/upload.h"

#define ONCE_CHARS 22

static int64_t cursor_of(const struct request *r) {
    const char *text = request_parameter(r, "cursor");
    int64_t cursor = 0;
    return text && text_to_int64(text, 1, INT64_MAX, &cursor) == 0 ? cursor : 0;
}

/* What the form asks for; the review items stand for confirmed=true. */
static enum error form_read(const struct request *r, struct upload_wanted *ret, struct upload_refusal *ret_refusal) {
    const char *dry_run = request_parameter(r, "dry_run");
    *ret_refusal = (struct upload_refusal){0};
    if (!(dry_run && strcmp(dry_run, "true") == 0) && !upload_form_reviewed(r))
        return ERROR_NOT_CONFIRMED;
    return upload_read(r, ret, ret_refusal) == 0 ? ERROR_NONE : ret_refusal->error;
}

int page_upload_take(struct thread *t, struct request *r, struct reply *p) {
    if (!page_csrf_right(r)) {
        reply_error(r, p, ERROR_CSRF_TOKEN, NULL, 0);
        return 0;
    }
    struct upload_wanted wanted;
    struct upload_refusal refusal;
    enum error error = form_read(r, &wanted, &refusal);
    if (error != ERROR_NONE)
        return upload_form(r, p, t, 400, error, refusal.args, refusal.n_args);
    /* Each form has a number of its own: a second press of the button is the same upload. */
    char key[ONCE_CHARS + 8];
    const char *once = request_parameter(r, "once");
    if (once && strlen(once) == ONCE_CHARS) {
        (void) snprintf(key, sizeof(key), "form:%s", once);
        wanted.idempotency_key = key;
    }
    int64_t id = 0;
    int result = upload_take(t, r, &wanted, &id);
    if (result == -EEXIST)
        return upload_form(r, p, t, 400, ERROR_CSRF_TOKEN, NULL, 0);
    if (result >= 0)
        reply_redirect(p, "/uploads/%lld", (long long) id);
    return result < 0 ? result : 0;
}

int page_upload(struct thread *t, struct request *r, struct reply *p) {
    const char *wanted = request_parameter(r, "result");
    int64_t id = upload_id(r->segment[0]);
    json_t *upload = NULL;
    const struct upload_query query = {
        .id = id, .cursor = cursor_of(r), .ng_only = wanted && strcmp(wanted, "NG") == 0};
    int result = id == 0 ? 0 : upload_get(t, r, &query, &upload);
    if (result < 0)
        return result;
    if (result == 0) {
        reply_error(r, p, ERROR_NOT_FOUND, NULL, 0);
        return 0;
    }
    return page_send(r, p, 200, "upload", upload_view(r, upload));
}

int page_upload_list(struct thread *t, struct request *r, struct reply *p) {
    json_t *data = NULL;
    int result = upload_list(t, r, cursor_of(r), &data);
    if (result < 0)
        return result;
    json_t *list = json_object_get(data, "uploads"), *upload;
    size_t i;
    json_array_foreach(list, i, upload) {
        if (upload_view_facts(r, upload) < 0)
            result = -ENOMEM;
    }
    if (result < 0 || json_object_set_new(data, "title", json_string(text_get(TEXT_uploads_title, r->language))) < 0 ||
        json_object_set_new(data, "has_uploads", json_boolean(json_array_size(list) > 0)) < 0) {
        json_decref(data);
        return -ENOMEM;
    }
    return page_send(r, p, 200, "uploads", data);
}
