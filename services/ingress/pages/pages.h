/*
 * Pages for people: templates (services/ingress/templates, embedded at build), words from texts.def in the request's
 * language, a strict Content-Security-Policy, no script needed.
 *
 * The language is chosen by ?lang=ja|en, which page_send() remembers in the cookie "lang", and then by Accept-Language.
 */
#pragma once

#include "services/ingress/http/http.h"

struct page_options {
    const char *timestamp_url; /* "": none */
    int64_t session_idle_usec;
};
extern struct page_options page_options; /* from the configuration, before the first request */

/*
 * Answers with the page made of templates/<name>.html and data, which is taken over (NULL: out of memory). The page
 * finds under "t" its words, under "user" the registrar, under "page" what the layout needs; its own "page" may hold
 * refresh (seconds) and script (the name of a static module; the page may then run scripts of ours)
 * and alone (nothing may be sent from the page: no form, no request of a script).
 * 0, -ENOMEM or -EINVAL (a broken template).
 */
int page_send(const struct request *r, struct reply *p, int status, const char *name, json_t *steal);

/* templates/<name>.txt with data, as text for a page to show. New reference, NULL when it cannot be made. */
json_t *page_text(const char *name, json_t *data);

/* The error page; reply_error() calls it where the request wants HTML. args: JSON array of strings, may be NULL. */
int page_error(const struct request *r, struct reply *p, int status, enum error error, const json_t *args);

/* The value of a cookie of the request, *ret_len characters of it; NULL: the browser has none. */
const char *page_cookie(const struct request *r, const char *name, size_t *ret_len);

enum session_state { SESSION_ON, SESSION_IDLE, SESSION_OUT };
/* Before a page of a registrar is made: whether it may be shown (page_session.c). */
enum session_state page_session(const struct request *r);
/* The page in its place. As page_send(). */
int page_session_ended(const struct request *r, struct reply *p, enum session_state state);

/*
 * Forms prove that they come from our own page: a random value stands in a __Host- cookie and in the form's field "csrf".
 * Nothing is kept here, so any instance of the ingress may answer. page_csrf() gives the value for a form of this reply
 * and sets the cookie if the browser has none (NULL: no memory or randomness; the caller frees).
 */
char *page_csrf(const struct request *r, struct reply *p);
bool page_csrf_right(const struct request *r);
/* 128 random bits as 22 characters of base64url. NULL without memory or randomness; the caller frees. */
char *page_random(void);
