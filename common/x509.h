/* What several daemons read in a certificate. Source: RFC 5280 4.1.2.5. */
#pragma once

#include <openssl/x509.h>
#include <stdint.h>

/* notAfter, usec since 1970; 0 when it cannot be read, or without a certificate. */
int64_t x509_end_usec(const X509 *certificate);
/* The same of a DER certificate. */
int64_t x509_end_usec_of_der(const void *der, size_t len);
