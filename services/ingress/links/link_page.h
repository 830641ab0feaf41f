/* What people see behind a one-time link. */
#pragma once

#include "services/ingress/http/http.h"
#include "store/link.h"

/* SHA-256 of the token; false: no token looks like this. */
bool link_token_hash(const char *token, uint8_t ret[static LINK_HASH_BYTES]);
/* GET /d/{token}: the certificate and how to install it, or why the link is no good. Changes nothing. */
int link_page(struct thread *t, struct request *r, struct reply *p);
/* The page of a link that a delivery was just refused for. */
int link_page_refusal(struct thread *t, const struct request *r, struct reply *p,
                      const uint8_t hash[static LINK_HASH_BYTES], enum link_status status);
