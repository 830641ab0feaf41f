/* An OCSP request (RFC 6960 4.1) as somebody sent it. */
#pragma once

#include <openssl/ocsp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OCSP_SERIALS_MAX 8 /* of one question */
#define OCSP_SERIAL_BYTES 16

struct ocsp_question {
    OCSP_REQUEST *request;
    OCSP_CERTID *ids[OCSP_SERIALS_MAX]; /* of the request */
    /* Zeros, which none has, for what cannot be a serial of ours. */
    uint8_t serials[OCSP_SERIALS_MAX][OCSP_SERIAL_BYTES];
    size_t n;
    bool has_nonce;
};

/* Fills *ret, which is zeroed before, and is freed whatever comes back. False: not well formed, or more than is answered. */
bool ocsp_question_read(struct ocsp_question *ret, const void *der, size_t len);
void ocsp_question_done(struct ocsp_question *q);
