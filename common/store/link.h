/*
 * One-time links, through the functions of deploy/schema/0003-links.sql alone. The first four are for the role
 * inkan_public, link_resend(), link_list() and link_get()
 * are for inkan_ingress.
 * Errors: enum db_result.
 */
#pragma once

#include "store/db.h"

extern const struct statement link_look_statement, link_take_statement, link_burn_statement, link_give_back_statement,
    link_resend_statement, link_list_statement, link_get_statement;

enum link_status {
    LINK_OPEN,
    LINK_UNKNOWN,
    LINK_BUSY, /* a delivery is under way */
    LINK_USED,
    LINK_EXPIRED,
    LINK_SUPERSEDED,
    LINK_REVOKED, /* the certificate is */
};

#define LINK_HASH_BYTES 32

/* *ret_rows: unless unknown, a row that link_seen reads. The caller frees it. */
int link_look(struct db *db, const uint8_t hash[static LINK_HASH_BYTES], enum link_status *ret,
              struct db_rows **ret_rows);

/* What the functions below return lives as long as the rows. */
struct link_seen {
    int64_t expires_usec, used_usec; /* used 0: not */
    struct db_bytes der;             /* of an open or busy link only */
    const char *organisation_ja, *organisation_en;
};
struct link_seen link_seen(const struct db_rows *rows);

struct link_taken {
    int64_t link, delivery;
    const char *cn;
    struct db_bytes der, issuer_der;
};
/* Begins a delivery; *ret_taken is filled when *ret is LINK_OPEN. */
int link_take(struct db *db, const uint8_t hash[static LINK_HASH_BYTES], int64_t lease_usec, enum link_status *ret,
              struct link_taken *ret_taken, struct db_rows **ret_rows);
/* What the download sets going, from the policy. */
struct link_reminders {
    int replace_days, old_reason;
    const int32_t *expiry_days;
    size_t expiry_count;
};
/* 1 and the send job (0: nobody to tell); 0: the delivery does not hold the link any more. */
int link_burn(struct db *db, int64_t link, int64_t delivery, const struct link_reminders *reminders, int64_t *ret_job);
int link_give_back(struct db *db, int64_t link, int64_t delivery);

/*
 * Inside a transaction of the registrar's organisation. new_mail: from now on the manager's address; NULL: it stays. LINK_OPEN:
 * sent.
 */
int link_resend(struct db *db, int64_t application, int64_t registrar, int life_days, const char *new_mail,
                enum link_status *ret, int64_t *ret_expires_usec, int64_t *ret_job);

/* The newest link of each certificate that is neither revoked nor expired, oldest certificate first. */
enum {
    LINK_LIST_ID, /* of the certificate: the cursor */
    LINK_LIST_APPLICATION,
    LINK_LIST_SERIAL,
    LINK_LIST_CN,
    LINK_LIST_MAIL, /* the manager's */
    LINK_LIST_EXPIRES,
    LINK_LIST_SENT,  /* when the relay took the mail, or null */
    LINK_LIST_STATE, /* of its mail (queued, sent, failed) while it is open; expired, used */
    LINK_LIST_FETCHED,
};
#define LINK_LIST_COLUMNS                                                                                              \
    "c.id, c.application, c.serial, c.cn, COALESCE(c.manager_mail, a.manager_mail) AS manager_mail, l.expires,"        \
    " CASE n.state WHEN 'sent' THEN n.ended END AS sent,"                                                              \
    " CASE WHEN l.state <> 'open' THEN l.state WHEN l.expires <= inkan_now() THEN 'expired' ELSE n.state END AS "      \
    "state,"                                                                                                           \
    " c.fetched"
#define LINK_LIST_TABLES                                                                                               \
    " FROM certificate c JOIN application a ON a.id = c.application"                                                   \
    " JOIN LATERAL (SELECT * FROM link WHERE certificate = c.id ORDER BY generation DESC LIMIT 1) AS l ON true"        \
    " JOIN notice n ON n.certificate = c.id AND n.kind = 'issued' AND n.link = l.id"

/*
 * Both inside a transaction of the registrar's organisation; number of rows. What nobody has fetched, after LINK_LIST_ID of the last row
 * of the page before (0: from the oldest); and the one of an application, fetched or not.
 */
int64_t link_list(struct db *db, int64_t after, int limit, struct db_rows **ret);
int64_t link_get(struct db *db, int64_t application, struct db_rows **ret);

/* "open", "busy", …; LINK_UNKNOWN for another word. */
enum link_status link_status_from(const char *word);
