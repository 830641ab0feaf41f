/*
 * One row judged: column by column, then by meaning, every error in column order. Knows the register and the policy
 * from its rules and nothing of the database; what needs other rows (212, 918, 925, 926, 931-934, 936) or other machines
 * (903, 904) comes later.
 */
#pragma once

#include "columns.h"
#include "csr.h"
#include "dn.h"
#include "name.h"
#include "policy.h"
#include "problems.h"

struct row_rules {
    const struct tsv_format *format;
    const struct policy *policy;
    const char *o, *st, *l;            /* of the organisation, as registered */
    const struct name_domain *domains; /* of the organisation, whatever their state */
    size_t domains_count;
    const char *const *ous; /* permission list of the organisation */
    size_t ous_count;
    bool match_ou;       /* 212 compares CN and OU, not CN alone */
    bool expired;        /* 証明書発行有効期限 is past */
    bool policy_changed; /* other chunks of the file were checked under another policy */
};

/* The certificate that a row renews, revokes or gives a manager. */
struct row_target {
    uint8_t serial[16];
    bool named; /* serial can be read */
    int64_t id; /* of the certificate; 0: none of the organisation's */
    int reason; /* of the revocation; -1: none or unknown */
};

struct row {
    struct problems problems;
    struct columns columns; /* texts of the row; the manager's go to the database from here */
    struct dn dn;
    struct csr csr;
    char *cn;           /* lower case; NULL: not a host name */
    char *match_key;    /* NULL with cn */
    struct buf names;   /* dNSNames joined by ',': the FQDN, then the others in order; lower case */
    struct buf ous;     /* OUs that go into the subject, joined by TAB */
    struct buf domains; /* decimal ids joined by ',', without doubles: first that of the FQDN */
    int profile;        /* 0: unknown */
    struct row_target target;
    bool failed; /* out of memory */
};

/* Fills *ret, which is zeroed before; row_done() frees it. Callable from any thread. */
void row_check(struct row *ret, const struct row_rules *rules, const uint8_t *line, size_t len);
void row_done(struct row *row);

/* A column's text for the database: NULL when it is empty or could not be read. */
const char *row_text(const struct row *row, enum tsv_field field);
