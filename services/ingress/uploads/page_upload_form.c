/* The form of 発行・更新・失効画面 (manual 1-1-4). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/tsv.h"
#include "services/ingress/uploads/page_upload.h"

static const enum text review_texts[] = {TEXT_review_1, TEXT_review_2, TEXT_review_3, TEXT_review_4, TEXT_review_5};

static bool is(const struct request *r, const char *name, const char *value) {
    const char *given = request_parameter(r, name);
    return given && strcmp(given, value) == 0;
}

static json_t *kinds(const struct request *r) {
    json_t *list = json_array();
    const struct tsv_format *format;
    for (size_t i = 0; (format = tsv_format_at(i)); i++)
        (void) json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "kind", format->kind, "title",
                                                     page_kind_title(r, format->kind), "chosen",
                                                     (int) is(r, "kind", format->kind)));
    return list;
}

static const char *review_name(size_t i, char name[static 16]) {
    (void) snprintf(name, 16, "review_%zu", i + 1);
    return name;
}

static json_t *review(const struct request *r) {
    json_t *list = json_array();
    char buffer[16];
    for (size_t i = 0; i < ARRAY_SIZE(review_texts); i++) {
        const char *name = review_name(i, buffer);
        (void) json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "name", name, "text",
                                                     text_get(review_texts[i], r->language), "ticked",
                                                     (int) is(r, name, "true")));
    }
    return list;
}

bool upload_form_reviewed(const struct request *r) {
    char buffer[16];
    for (size_t i = 0; i < ARRAY_SIZE(review_texts); i++)
        if (!is(r, review_name(i, buffer), "true"))
            return false;
    return true;
}

static json_t *problem(const struct request *r, enum error error, const char *const *args, size_t n_args) {
    if (error == ERROR_NONE)
        return json_null();
    json_auto_t *list = json_array();
    for (size_t i = 0; i < n_args; i++)
        (void) json_array_append_new(list, json_string(args[i]));
    json_t *words = page_error_words(r, error, list);
    /* The remedies of errors.def are also for clients of the API; a browser must be told that it forgets the file. */
    const char *remedy = text_get(error == ERROR_NOT_CONFIRMED ? TEXT_review_again : TEXT_file_again, r->language);
    if (words)
        (void) json_object_set_new(words, "again", json_string(remedy));
    if (words && error == ERROR_NOT_CONFIRMED)
        (void) json_object_del(words, "remedy");
    return words;
}

int upload_form(const struct request *r, struct reply *p, struct thread *t, int status, enum error error,
                const char *const *args, size_t n_args) {
    _cleanup_free_
    char *csrf = page_csrf(r, p);
    _cleanup_free_
    char *once = page_random();
    if (!csrf || !once)
        return -ENOMEM;
    bool manager = is(r, "kind", "manager-update");
    return page_send(
        r, p, status, "upload_new",
        json_pack("{s:{s:s}, s:s, s:s, s:s, s:s, s:o, s:o, s:b, s:I, s:o}", "page", "script", "upload.js", "title",
                  text_get(manager ? TEXT_manager_upload_title : TEXT_upload_title, r->language), "lead",
                  text_get(manager ? TEXT_manager_upload_lead : TEXT_upload_lead, r->language), "csrf", csrf, "once",
                  once, "kinds", kinds(r), "review", review(r), "skip", (int) is(r, "on_error", "skip"), "rows_max",
                  (json_int_t) t->context->shared.upload_rows_max, "problem", problem(r, error, args, n_args)));
}

int page_upload_form(struct thread *t, struct request *r, struct reply *p) {
    return upload_form(r, p, t, 200, ERROR_NONE, NULL, 0);
}
