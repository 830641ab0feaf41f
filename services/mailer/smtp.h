/*
 * SMTP by libcurl: several mails at a time over connections that are kept. One thread; smtp_send() returns when every mail
 * of the list has its outcome.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct smtp_options {
    const char *url;  /* smtp://host:port */
    const char *from; /* envelope sender */
    const char *ca;   /* PEM file for STARTTLS; "" = the system's */
    bool starttls_required;
    int64_t connections;
    int64_t timeout_usec; /* for one mail */
};

enum smtp_outcome {
    SMTP_SENT,    /* 250 after the final dot: the relay has it */
    SMTP_LATER,   /* 4xx, no connection, or the answer was lost */
    SMTP_REFUSED, /* 5xx: again would be refused again */
    SMTP_UNTRIED, /* the relay could not be reached by an earlier mail of the list */
};

struct smtp_mail {
    const char *to;
    const struct buf *bytes;
    enum smtp_outcome outcome;
    char reply[256]; /* the relay's last line, or libcurl's words; printable */
};

struct smtp;
int smtp_open(struct smtp **ret, const struct smtp_options *options); /* options must outlive it. 0 or -ENOMEM */
void smtp_free(struct smtp *smtp);
/* keep is called several times a second; when it returns other than 0, what has no outcome yet stays SMTP_LATER. */
void smtp_send(struct smtp *smtp, struct smtp_mail *mails, size_t n, int (*keep)(void *ctx), void *ctx);
/* The last list ended without one connection to the relay. Callable from any thread. */
bool smtp_is_down(const struct smtp *smtp);
