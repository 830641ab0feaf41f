#include "x509.h"

#include <time.h>

#include "base/clock.h"

int64_t x509_end_usec(const X509 *certificate) {
    struct tm tm;
    return certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) == 1
               ? (int64_t) timegm(&tm) * USEC_PER_SEC
               : 0;
}

int64_t x509_end_usec_of_der(const void *der, size_t len) {
    const unsigned char *p = der;
    X509 *certificate = len > 0 ? d2i_X509(NULL, &p, (long) len) : NULL;
    int64_t usec = x509_end_usec(certificate);
    X509_free(certificate);
    return usec;
}
