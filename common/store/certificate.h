/*
 * Issued certificates as their organisation sees them. For the role inkan_ingress, inside a transaction of the
 * registrar's organisation (row-level security).
 * Errors: enum db_result.
 */
#pragma once

#include "store/db.h"

extern const struct statement certificate_list_statement, certificate_get_statement, certificate_chosen_statement,
    certificate_replacing_statement, certificate_history_statement, certificate_words_statement;

/* The columns of the rows of the first three queries. */
enum {
    CERTIFICATE_ID,
    CERTIFICATE_SERIAL,
    CERTIFICATE_CN,
    CERTIFICATE_NAMES,
    CERTIFICATE_DN,
    CERTIFICATE_PROFILE,
    CERTIFICATE_STATE, /* the manual's 状態 */
    CERTIFICATE_EXPIRED,
    CERTIFICATE_DAYS_LEFT, /* begun ones count; 0 or less: expired */
    CERTIFICATE_RENEWED,   /* a newer certificate was issued in its place */
    CERTIFICATE_REVOKED,
    CERTIFICATE_NOT_BEFORE,
    CERTIFICATE_NOT_AFTER,
    CERTIFICATE_ISSUED,
    CERTIFICATE_FETCHED,
    CERTIFICATE_APPLICATION,
    CERTIFICATE_UPLOAD,
    CERTIFICATE_SEQ,
    CERTIFICATE_MANAGER_NAME,
    CERTIFICATE_MANAGER_AFFILIATION,
    CERTIFICATE_MANAGER_MAIL,
    CERTIFICATE_SOFTWARE,
    CERTIFICATE_DER,       /* certificate_get() only */
    CERTIFICATE_ISSUER_DER /* certificate_get() only */
};
#define CERTIFICATE_COLUMNS                                                                                            \
    "c.id, c.serial, c.cn, a.names, a.dn, a.profile, certificate_state(c), c.not_after < inkan_now(),"                 \
    " ceil(extract(epoch FROM c.not_after - inkan_now()) / 86400)::integer,"                                           \
    " EXISTS (SELECT FROM application newer JOIN certificate n ON n.application = newer.id WHERE newer.target = "      \
    "c.id),"                                                                                                           \
    " r.revoked, c.not_before, c.not_after, c.issued, c.fetched, a.id, a.upload, a.seq, "                              \
    "COALESCE(c.manager_name, a.manager_name), COALESCE(c.manager_affiliation, a.manager_affiliation),"                \
    " COALESCE(c.manager_mail, a.manager_mail), COALESCE(c.software, a.software)"
#define CERTIFICATE_TABLES                                                                                             \
    " FROM certificate c JOIN application a ON a.id = c.application"                                                   \
    " LEFT JOIN revocation r ON r.issuer = c.issuer AND r.serial = c.serial"                                           \
    " WHERE c.organisation = inkan_organisation()"

struct certificate_filter {
    const char *part;            /* of DN, names, manager's name or address; NULL: any */
    const uint8_t *serial;       /* 16 bytes: this one, if there is one; else by part. NULL: by part */
    const char *status;          /* valid, expired, revoked; NULL: any */
    int64_t state;               /* the manual's 状態; -1: any */
    int64_t expires_after_usec;  /* at this time or later; 0: any */
    int64_t expires_before_usec; /* 0: any */
    int64_t before;              /* CERTIFICATE_ID of the last row of the page before; 0: from the newest */
    int limit;
};
/* By the indexes of certificate_search(), newest first. Number of rows. */
int64_t certificate_list(struct db *db, const struct certificate_filter *filter, struct db_rows **ret);
/* Enters the words of certificates that are new or have changed into the index, in a transaction of its own. How many they were. */
int64_t certificate_words(struct db *db, int most);
/* 1 or 0. */
int64_t certificate_get(struct db *db, const uint8_t serial[static 16], struct db_rows **ret);
/* Those of these applications, the newest first; number of rows. */
int64_t certificate_chosen(struct db *db, const int64_t *applications, size_t n, struct db_rows **ret);

/* Renewed certificates whose old one is still valid (状態 8). */
enum {
    REPLACING_ID, /* of the new certificate: the cursor */
    REPLACING_SERIAL,
    REPLACING_CN,
    REPLACING_MANAGER_NAME,
    REPLACING_MANAGER_MAIL,
    REPLACING_SINCE, /* when the new one was fetched */
    REPLACING_OLD_APPLICATION,
    REPLACING_OLD_SERIAL,
    REPLACING_OLD_NOT_AFTER,
    REPLACING_OLD_DAYS_LEFT,
    REPLACING_REMINDED,     /* when the registrars were last reminded, or null */
    REPLACING_REMINDER_DUE, /* when they will be, or null */
};
/* The newest first, below REPLACING_ID of the last row of the page before (0: from the newest); number of rows. */
int64_t certificate_replacing(struct db *db, int64_t before, int limit, struct db_rows **ret);

/* Every step of a certificate (CERTIFICATE_ID), the oldest first; what a step does not have is null. */
enum {
    HISTORY_AT,
    HISTORY_STEP, /* received, accepted, issued, notice, link_used, link_expired, link_resent, manager_changed, renewed,
                          revoked, reminder (one to come, as remind_due() would judge it now) */
    HISTORY_ACTOR,     /* registrar's name; "" an operator; null: the service by itself */
    HISTORY_NOTICE,    /* notice, reminder: notice.kind */
    HISTORY_STATE,     /* notice: queued, sent, failed */
    HISTORY_RECIPIENT, /* notice */
    HISTORY_SERIAL,    /* renewed: the newer one; issued: the one that it renews */
    HISTORY_REASON,    /* revoked */
    HISTORY_COMMENT,   /* revoked */
    HISTORY_UPLOAD,    /* received, revoked, manager_changed by a file: the file */
    HISTORY_SEQ,       /* its line */
    HISTORY_DETAIL,    /* link_resent, manager_changed: JSON, as in the audit */
};
#define HISTORY_MAX 500
/* At most HISTORY_MAX, the newest of them; number of rows. */
int64_t certificate_history(struct db *db, int64_t certificate, struct db_rows **ret);
