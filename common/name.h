/*
 * Host names: dNSNames of LDH labels (RFC 5280 4.2.1.6, BR 7.1.2.7.12), and the register's domains that permit them.
 * All own checks; a library sees only xn-- labels that passed them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_LABEL_MAX 63
#define NAME_MAX_BYTES 253
#define NAME_CN_MAX 64 /* ub-common-name, RFC 5280 A.1 */
#define NAME_REASON_MAX 40

/* True for a fully qualified host name in ASCII; otherwise writes a short reason without words of any language. */
bool name_is_host(const char *name, char ret_reason[static NAME_REASON_MAX]);

/* Reads the Public Suffix List (Debian's publicsuffix, or what libpsl was built with). 0 or -ENOENT. */
int name_open(void);
void name_close(void);

/*
 * For a host name: true when it lies below a suffix of the list's ICANN section, and so in the root zone, and is none itself
 * (BR 4.2.2, 3.2.2.6). Otherwise writes the reason: the list that says so, or the special domain. Needs name_open(), else
 * nothing is public. Callable from any thread.
 */
bool name_is_public(const char *name, char ret_reason[static NAME_REASON_MAX]);

struct name_domain {
    int64_t id;
    const char *name; /* lower case */
    bool permitted;
};

/*
 * The longest domain that is the name or ends it at a label boundary; NULL: none. Its state is for the caller to judge.
 */
const struct name_domain *name_domain_of(const char *lower_name, const struct name_domain *domains, size_t n);

/* True for a mail address of the form dot-atom@host.name (RFC 5321 4.1.2, no quoted strings, no address literals). */
bool name_is_mail(const char *text);
