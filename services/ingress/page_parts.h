/* What the files of the pages share. */
#pragma once

#include "services/ingress/pages.h"
#include "services/ingress/texts.h"

/* {code, message, remedy} in the request's language. New reference, NULL without memory. */
json_t *page_error_words(const struct request *r, enum error error, const json_t *args);
/* "2026/11/23 10:02:03" in JST; JSON null for 0. New reference. */
json_t *page_time(int64_t usec);
/* The same from RFC 3339; JSON null for anything else. New reference. */
json_t *page_time_shown(const json_t *rfc3339);
/* proto/tsv.def's name of the kind of file, in the request's language; the kind itself when unknown. */
const char *page_kind_title(const struct request *r, const char *kind);

/* The handlers of the pages, joined in page_routes. */
int page_static(struct thread *t, struct request *r, struct reply *p);
int page_description(struct thread *t, struct request *r, struct reply *p);
int page_upload_form(struct thread *t, struct request *r, struct reply *p);
int page_upload_take(struct thread *t, struct request *r, struct reply *p);
int page_upload_list(struct thread *t, struct request *r, struct reply *p);
int page_upload(struct thread *t, struct request *r, struct reply *p);
int page_certificate_list(struct thread *t, struct request *r, struct reply *p);
int page_certificate_resend(struct thread *t, struct request *r, struct reply *p);
