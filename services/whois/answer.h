/*
 * Reads one WHOIS answer (RFC 3912 gives it no form at all). Pure: bytes in, verdict out; the bytes are hostile.
 *
 * Layouts: JPRS attribute-type, ne.jp and generic .jp names (Japanese with English, or English alone), the form of ICANN's
 * registries and registrars, IANA's referrals. UTF-8 or ISO-2022-JP; lines end with LF or CRLF.
 *
 * An answer counts only when it names the domain that was asked and shows by its last lines that it is whole: a registrant
 * out of a cut answer could be the half of a name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ANSWER_BYTES_MAX ((size_t) 256 * 1024)
#define ANSWER_TEXT_MAX 1000 /* bytes of a value; a longer one makes the answer unreadable */
#define ANSWER_HOST_MAX 253  /* RFC 1035 2.3.4 */

enum answer_outcome {
    ANSWER_UNREACHABLE, /* no verdict; detail says why */
    ANSWER_FOUND,
    ANSWER_NOT_FOUND,
    ANSWER_REFERRED, /* referral names the server that knows more */
};

struct answer {
    enum answer_outcome outcome;
    bool whole;                              /* of a referral: a complete record that only withholds its registrant */
    char registrant_ja[ANSWER_TEXT_MAX + 1]; /* UTF-8 without control characters; "" = not told */
    char registrant_en[ANSWER_TEXT_MAX + 1];
    char status[ANSWER_TEXT_MAX + 1];
    char referral[ANSWER_HOST_MAX + 1]; /* as written: not yet a host name */
    const char *detail; /* static text of ours, never from the answer; NULL when there is nothing to say */
};

/* domain: lower case A-labels without final dot. Sets every field of *ret. */
void answer_read(struct answer *ret, const char *domain, const void *data, size_t len);
