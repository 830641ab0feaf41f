/*
 * When a person left: ログアウト, and the end of a session after idle time. Who may do what is judged by the certificate, against the
 * database, at every request; a session only keeps the pages back until somebody presses ログイン. Its cookie holds the second of the
 * last page, or "out". It grants nothing and so is not signed: who can send a forged one holds the certificate. The API has none.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "services/ingress/pages/page_parts.h"

#define COOKIE "__Host-session"
#define ATTRIBUTES "Path=/; Secure; HttpOnly; SameSite=Lax"
#define OUT "out"

enum session_state page_session(const struct request *r) {
    size_t len = 0;
    const char *value = page_cookie(r, COOKIE, &len);
    char text[24];
    int64_t last_sec = 0;
    if (!value)
        return SESSION_ON; /* a browser that has just come */
    if (len == strlen(OUT) && strncmp(value, OUT, len) == 0)
        return SESSION_OUT;
    (void) snprintf(text, sizeof(text), "%.*s", (int) (len < sizeof(text) ? len : 0), value);
    if (text_to_int64(text, 0, INT64_MAX / USEC_PER_SEC, &last_sec) < 0)
        return SESSION_IDLE;
    int64_t idle_usec = clock_realtime_usec() - last_sec * USEC_PER_SEC;
    return idle_usec > page_options.session_idle_usec ? SESSION_IDLE : SESSION_ON;
}

void page_session_renew(struct reply *p) {
    reply_header(p, "Set-Cookie", COOKIE "=%lld; " ATTRIBUTES, (long long) (clock_realtime_usec() / USEC_PER_SEC));
}

/* Where ログイン leads back to: this page; the menu after a form. */
static json_t *back_to(const struct request *r) {
    _cleanup_buf_ struct buf to = {0};
    if (strcmp(r->method, "GET") != 0)
        return json_string("/");
    buf_text(&to, r->path);
    buf_char(&to, '?');
    request_put_query(r, &to, "");
    if (to.failed)
        return json_string("/");
    to.data[to.len - 1] = '\0'; /* the sign that another parameter would follow */
    json_t *json = json_string(buf_string(&to));
    return json ? json : json_string("/"); /* a path that is no text */
}

int page_session_ended(const struct request *r, struct reply *p, enum session_state state) {
    bool out = state == SESSION_OUT;
    return page_send(r, p, 403, "signed_out",
                     json_pack("{s:s, s:b, s:o}", "title",
                               text_get(out ? TEXT_signed_out_title : TEXT_session_ended_title, r->language), "out",
                               out, "to", back_to(r)));
}

/* An address of ours: a path, no host (//), nothing that could end a header. */
static bool is_ours(const char *to) {
    for (const char *c = to; *c; c++)
        if (*c <= ' ' || *c > '~' || *c == '\\')
            return false;
    return to[0] == '/' && to[1] != '/';
}

int page_login(struct thread *t, struct request *r, struct reply *p) {
    (void) t;
    const char *to = request_parameter(r, "to");
    page_session_renew(p);
    reply_redirect(p, "%s", to && is_ours(to) ? to : "/");
    return 0;
}

/* No token is asked of the form: whoever could forge it would only end a session, and the request's origin is judged. */
int page_logout(struct thread *t, struct request *r, struct reply *p) {
    (void) t;
    (void) r;
    reply_header(p, "Set-Cookie", COOKIE "=" OUT "; " ATTRIBUTES);
    reply_header(p, "Clear-Site-Data", "\"cache\", \"storage\"");
    reply_redirect(p, "/");
    return 0;
}
