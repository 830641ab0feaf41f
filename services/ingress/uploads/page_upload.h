/* The pages of uploads, made from what the API says of them. */
#pragma once

#include "services/ingress/pages/page_parts.h"

/* Adds to the upload what lists and pages show of it. 0 or -ENOMEM. */
int upload_view_facts(const struct request *r, json_t *upload);
/* The data of the page upload.html from the upload as of GET /api/v1/uploads/{id}, which is taken over; NULL without memory. */
json_t *upload_view(const struct request *r, json_t *steal);
/* The form again, or for the first time, with the error that a person should mend. error: ERROR_NONE for none. */
int upload_form(const struct request *r, struct reply *p, struct thread *t, int status, enum error error,
                const char *const *args, size_t n_args);
/* True when every review item (審査項目) of the form is ticked. */
bool upload_form_reviewed(const struct request *r);
