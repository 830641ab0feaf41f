#include "services/ingress/pages/pages.h"

#include <errno.h>
#include <string.h>

#include "log.h"
#include "services/ingress/pages/assets.h"
#include "services/ingress/pages/page_parts.h"
#include "services/ingress/pages/texts.h"
#include "template.h"

#define PAGE_BYTES_MAX ((size_t) 16 * 1024 * 1024)

/* Nothing from elsewhere, no frame. No script, but on the pages that name one. */
#define POLICY "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"
#define POLICY_SCRIPT "; script-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
/* Forms and scripts speak to ourselves only; those of a page alone to nobody. */
#define POLICY_FORMS "; form-action 'self'"
#define POLICY_CONNECT "; connect-src 'self'"
#define POLICY_ALONE "; form-action 'none'"

static const struct asset *asset(const char *name) {
    for (const struct asset *a = assets; a->name; a++)
        if (strcmp(a->name, name) == 0)
            return a;
    return NULL;
}

static const char *template_text(void *ctx, const char *name) {
    (void) ctx;
    const struct asset *a = asset(name);
    return a && !a->type ? a->data : NULL;
}

static const char *static_address(const char *name) {
    const struct asset *a = asset(name);
    return a ? a->address : "";
}

/* The address of this page in another language, up to the language; of the home page after a form. */
static json_t *here(const struct request *r) {
    _cleanup_buf_ struct buf to = {0};
    if (strcmp(r->method, "POST") == 0)
        return json_string(r->listener == LISTENER_REGISTRAR ? "/?lang=" : "?lang=");
    buf_char(&to, '?');
    request_put_query(r, &to, "lang");
    buf_text(&to, "lang=");
    return json_string(buf_string(&to));
}

/* What the layout shows: {"page": …, "t": …, "user": …}. The page's own "page" may set refresh, script and alone. */
static int add_layout(const struct request *r, json_t *data) {
    bool english = r->language == LANGUAGE_EN;
    bool known = r->registrar.id != 0;
    json_t *menu = known ? page_menu_groups(r) : json_null(), *notices = known ? page_login_notices(r) : json_null();
    json_t *page = json_pack("{s:s, s:o, s:s, s:s, s:s, s:o, s:o}", "lang", english ? "en" : "ja", "here", here(r),
                             "style", static_address("style.css"), "icon", static_address("icon.svg"), "home",
                             r->listener == LISTENER_REGISTRAR ? "/" : "", "menu", menu, "notices", notices);
    json_object_update_missing(page, json_object_get(data, "page"));
    const char *script = json_string_value(json_object_get(page, "script"));
    if (script)
        (void) json_object_set_new(page, "script", json_string(static_address(script)));
    if (json_object_set_new(data, "page", page) < 0 || json_object_set_new(data, "t", text_catalogue(r->language)) < 0)
        return -ENOMEM;
    const struct registrar *user = &r->registrar;
    if (user->id == 0)
        return 0;
    return json_object_set_new(data, "user",
                               json_pack("{s:s, s:s}", "name", user->name, "organisation",
                                         english ? user->organisation_name_en : user->organisation_name));
}

static void add_headers(const struct request *r, struct reply *p, const json_t *data) {
    const json_t *page = json_object_get(data, "page");
    bool script = json_object_get(page, "script"), alone = json_is_true(json_object_get(page, "alone"));
    reply_header(p, "Content-Security-Policy", "%s%s%s%s", POLICY, script ? POLICY_SCRIPT : "",
                 script && !alone ? POLICY_CONNECT : "", alone ? POLICY_ALONE : POLICY_FORMS);
    /* A page that refreshes itself is no sign of a person. */
    if (r->registrar.id != 0 && !json_object_get(page, "refresh"))
        page_session_renew(p);
    /* Not no-referrer: browsers would then send "Origin: null" with our own forms. */
    reply_header(p, "Referrer-Policy", "same-origin");
    reply_header(p, "Cache-Control", "no-store");
    const char *language = request_parameter(r, "lang");
    if (language && (strcmp(language, "ja") == 0 || strcmp(language, "en") == 0))
        reply_header(p, "Set-Cookie", "lang=%s; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax", language);
}

int page_send(const struct request *r, struct reply *p, int status, const char *name, json_t *steal) {
    json_auto_t *data = steal;
    const char *text = template_text(NULL, name);
    if (!data || !text || add_layout(r, data) < 0)
        return text ? -ENOMEM : -EINVAL;
    buf_reset(&p->body);
    p->body.max = PAGE_BYTES_MAX;
    int result = template_render(&p->body, text, data, TEMPLATE_HTML, template_text, NULL);
    if (result < 0) {
        log_bug("page %s cannot be rendered: %s", name, strerror(-result));
        return result;
    }
    p->status = status;
    p->type = "text/html; charset=utf-8";
    add_headers(r, p, data);
    return 0;
}

json_t *page_text(const char *name, json_t *data) {
    const char *text = template_text(NULL, name);
    _cleanup_buf_ struct buf to = {.max = PAGE_BYTES_MAX};
    if (!text || template_render(&to, text, data, TEMPLATE_NONE, template_text, NULL) < 0)
        return NULL;
    return json_string(buf_string(&to));
}

static json_t *words(enum error error, enum error_text which, const json_t *args) {
    _cleanup_buf_ struct buf text = {0};
    error_text(&text, error, which, args);
    return json_string(buf_string(&text));
}

json_t *page_error_words(const struct request *r, enum error error, const json_t *args) {
    bool english = r->language == LANGUAGE_EN;
    return json_pack("{s:i, s:o, s:o}", "code", error_code(error), "message",
                     words(error, english ? ERROR_MESSAGE_EN : ERROR_MESSAGE_JA, args), "remedy",
                     words(error, english ? ERROR_REMEDY_EN : ERROR_REMEDY_JA, args));
}

static enum text error_title(const struct request *r, int status) {
    if (r->listener == LISTENER_PUBLIC && (status == 404 || status == 410))
        return TEXT_link_gone_title;
    return status == 404 ? TEXT_not_found_title : TEXT_error_page_title;
}

int page_error(const struct request *r, struct reply *p, int status, enum error error, const json_t *args) {
    json_t *data = page_error_words(r, error, args);
    if (!data || json_object_set_new(data, "title", json_string(text_get(error_title(r, status), r->language))) < 0 ||
        json_object_set_new(data, "home_link", json_boolean(r->registrar.id != 0)) < 0) {
        json_decref(data);
        return -ENOMEM;
    }
    (void) page_login_explain(r, error, data);
    return page_send(r, p, status, "error", data);
}

int page_description(struct thread *t, struct request *r, struct reply *p) {
    (void) t;
    (void) r;
    const struct asset *a = asset("openapi.json");
    p->type = a->type;
    buf_add(&p->body, a->data, a->bytes);
    return 0;
}

int page_static(struct thread *t, struct request *r, struct reply *p) {
    (void) t;
    for (const struct asset *a = assets; a->name; a++)
        if (a->type && strcmp(a->address, r->segment[0]) == 0) {
            p->type = a->type;
            buf_add(&p->body, a->data, a->bytes);
            reply_header(p, "Cache-Control", "public, max-age=31536000, immutable");
            return 0;
        }
    reply_error(r, p, ERROR_NOT_FOUND, NULL, 0);
    return 0;
}
