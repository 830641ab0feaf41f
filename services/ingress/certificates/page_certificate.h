/* What the pages about certificates share. */
#pragma once

#include "services/ingress/pages/page_parts.h"

#define PAGE_CERTIFICATES 100 /* on one page, and as many can be chosen there */

/* Adds to a certificate of the API what only pages show: times in JST, its state in words, "validity" and its class. */
void page_certificate_shown(const struct request *r, json_t *one);
/* "validity" and "validity_class" of a certificate that is not revoked, where its end is near. */
void page_days_left(const struct request *r, json_t *one, int64_t days, bool renewed);
/* What a registrar may choose from: [{code, title, chosen}]. New reference. */
json_t *page_reasons(const struct request *r, int chosen);
const char *page_reason_title(const struct request *r, int code);
