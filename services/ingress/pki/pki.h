/* What the files of the PKI listener share. */
#pragma once

#include "services/ingress/http/http.h"

/* A date as RFC 9110 5.6.7 has it. */
void pki_date_header(struct reply *p, const char *name, int64_t usec);
