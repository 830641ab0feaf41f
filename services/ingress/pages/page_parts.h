/* What the files of the pages share. */
#pragma once

#include "services/ingress/pages/pages.h"
#include "services/ingress/pages/texts.h"

/* {code, message, remedy} in the request's language. New reference, NULL without memory. */
json_t *page_error_words(const struct request *r, enum error error, const json_t *args);
/* "2026/11/23 10:02:03" in JST; JSON null for 0. New reference. */
json_t *page_time(int64_t usec);
/* The same from RFC 3339; JSON null for anything else. New reference. */
json_t *page_time_shown(const json_t *rfc3339);
/* proto/tsv.def's name of the kind of file, in the request's language; the kind itself when unknown. */
const char *page_kind_title(const struct request *r, const char *kind);

/* The menu: [{group, items: [{href, label, hint, here}]}]. New reference. */
json_t *page_menu_groups(const struct request *r);

/* A page was asked for by a person: the idle time begins anew. */
void page_session_renew(struct reply *p);
/* Adds to an error page what helps with this error of logging in; false: it is none, or no memory. */
bool page_login_explain(const struct request *r, enum error error, json_t *data);
/* What the registrar should know on every page: [{message, remedy, more, until}]. New reference. */
json_t *page_login_notices(const struct request *r);

/* The handlers of the pages, joined in page_routes. */
int page_static(struct thread *t, struct request *r, struct reply *p);
int page_description(struct thread *t, struct request *r, struct reply *p);
int page_upload_form(struct thread *t, struct request *r, struct reply *p);
int page_upload_take(struct thread *t, struct request *r, struct reply *p);
int page_upload_list(struct thread *t, struct request *r, struct reply *p);
int page_upload(struct thread *t, struct request *r, struct reply *p);
int page_certificate_list(struct thread *t, struct request *r, struct reply *p);
int page_tool(struct thread *t, struct request *r, struct reply *p);
int page_certificate(struct thread *t, struct request *r, struct reply *p);
int page_certificate_tsv(struct thread *t, struct request *r, struct reply *p);
int page_replacing(struct thread *t, struct request *r, struct reply *p);
int page_statistics(struct thread *t, struct request *r, struct reply *p);
int page_links(struct thread *t, struct request *r, struct reply *p);
int page_resend_form(struct thread *t, struct request *r, struct reply *p);
int page_login(struct thread *t, struct request *r, struct reply *p);
int page_logout(struct thread *t, struct request *r, struct reply *p);
int page_resend(struct thread *t, struct request *r, struct reply *p);
