/*
 * Mails as bytes (RFC 5322, 2045-2047, 8551): CRLF lines, 7 bit throughout, no line longer than 998 bytes. The same mail gives
 * the same bytes: the boundary comes from the Message-ID.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"

struct mail {
    const char *from_name, *from_address;
    const char *to_address;
    const char *subject;    /* UTF-8 */
    const char *message_id; /* without angle brackets */
    int64_t dated_usec;
    const char *text; /* UTF-8, lines end in LF */
    struct {
        const char *name; /* NULL: nothing is attached; printable ASCII without quotes */
        const void *data;
        size_t len;
    } attachment;
};

/* An address that may stand in a header and in an SMTP command: printable ASCII, one @, no blank, <, >, quotes. */
bool mime_address(const char *address);
/* Value of a header field: as it is when printable ASCII, else RFC 2047 words of at most 75 bytes, folded. */
void mime_put_words(struct buf *to, const char *text);
/* The part that is signed: the text in CRLF and base64, with the attachment in a multipart/mixed around both. */
void mime_put_content(struct buf *to, const struct mail *mail);
/* The whole mail: multipart/signed of content and the signature's DER. */
void mime_put_mail(struct buf *to, const struct mail *mail, const struct buf *content, const void *signature,
                   size_t len);
