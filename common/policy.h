/*
 * The certificate policy: deploy/policy/<name>.conf, kept in the database (table policy) and pinned by its SHA-256.
 * One table drives validator, signer and pages. Sections and names are documented in deploy/policy/upki-2026.conf.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define POLICY_PROFILES_MAX 8
#define POLICY_PERIODS_MAX 16
#define POLICY_OIDS_MAX 4
#define POLICY_EXPIRY_MAX 4
#define POLICY_HASH_BYTES 32

enum policy_key { POLICY_KEY_RSA, POLICY_KEY_EC };
enum policy_ou { POLICY_OU_REFUSE, POLICY_OU_STRIP, POLICY_OU_LISTED };
enum policy_match { POLICY_MATCH_CN, POLICY_MATCH_CN_OU };

struct policy_profile {
    int id; /* 証明書プロファイルID: 3, 11 */
    enum policy_key key;
    int bits;       /* RSA: modulus; EC: 384 for secp384r1 */
    char label[32]; /* for messages: "RSA 2048", "ECDSA P-384 (secp384r1)" */
};

struct policy_period {
    int64_t from_usec; /* issued at or after this time … */
    int validity_days; /* … notAfter = notBefore + validity_days * 86400 s - 1 s (inclusive, RFC 5280 4.1.2.5) */
};

struct policy {
    uint8_t hash[POLICY_HASH_BYTES];
    char name[64];
    struct policy_profile profiles[POLICY_PROFILES_MAX];
    int profiles_count;
    struct policy_period periods[POLICY_PERIODS_MAX]; /* ascending */
    int periods_count;
    enum policy_ou ou;
    enum policy_match match; /* default; organisation.match_key goes before it */
    bool whois_check;
    bool locality, state_or_province; /* L, ST in the subject */
    bool client_auth;                 /* EKU clientAuth beside serverAuth (upki-2021) */
    bool subject_key_identifier;
    int names_max; /* dNSNames that may be listed, 8 */
    char policy_oids[POLICY_OIDS_MAX][64];
    int policy_oids_count;
    char cps_uri[256];        /* "" = no qualifier */
    int64_t crl_validity_sec; /* nextUpdate - thisUpdate */
    int64_t crl_interval_sec; /* a new CRL at least this often */
    int link_days;            /* life of a one-time link */
    int link_remind_days;     /* before its end, when nobody fetched; 0: never */
    int link_lapsed_days;     /* after its end, the same */
    int remind_days;          /* after the download of a renewed certificate, while the old one is valid; 0: never */
    int old_reason;           /* 失効理由 in the TSV attached for the old certificate */
    int expiry_days[POLICY_EXPIRY_MAX]; /* before the end, descending */
    int expiry_days_count;
};

/* 0, or -EINVAL with a line per error in errors. */
int policy_parse(struct policy *ret, const char *body, size_t len, struct buf *errors);
const struct policy_profile *policy_profile(const struct policy *p, int id); /* NULL: no such profile */
/* Days of validity for a certificate issued at usec; 0 when no period covers it. */
int policy_validity_days(const struct policy *p, int64_t issued_usec);
