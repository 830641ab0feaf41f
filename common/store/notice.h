/*
 * The outbox: one row is one mail to one recipient. What a mail says, its Message-ID, Date and link, comes from the row.
 * Errors: enum db_result.
 */
#pragma once

#include "store/job.h"

extern const struct statement notice_load_statement, notice_tokens_statement, notice_record_statement,
    notice_later_statement, notice_move_statement;

enum notice_column {
    NOTICE_ID,
    NOTICE_KIND,
    NOTICE_RECIPIENT,
    NOTICE_GREETING,
    NOTICE_MESSAGE_ID,
    NOTICE_DATED,
    NOTICE_SEALED, /* its transaction's audit is sealed */
    NOTICE_ATTEMPTS,
    NOTICE_LINK, /* link id or null */
    NOTICE_GENERATION,
    NOTICE_LINK_OPEN, /* the link can still be used */
    NOTICE_LINK_EXPIRES,
    NOTICE_SERIAL,
    NOTICE_NOT_BEFORE,
    NOTICE_NOT_AFTER,
    NOTICE_CN,
    NOTICE_O,
    NOTICE_L,
    NOTICE_ST,
    NOTICE_ORGANISATION_JA,
    NOTICE_REASON, /* of the revocation, or null */
    NOTICE_COMMENT,
    NOTICE_ATTACHED,   /* 失効理由 of the attached revocation TSV, or null: nothing is attached */
    NOTICE_OLD_SERIAL, /* of the certificate replaced */
    NOTICE_OLD_DN,     /* as it was applied for */
    NOTICE_OLD_CN,
    NOTICE_OUS,      /* of the subject, joined as the lines of a mail's DN */
    NOTICE_CAMPAIGN, /* that revoked the certificate, or that the notice is about; or null */
    NOTICE_COUNT,    /* campaign: certificates of the organisation that it revoked */
    NOTICE_REVOKED,  /* campaign: the first thousand of them, "SERIAL\tDN\tMAIL" with the serial in hexadecimal */
    NOTICE_SENT_TO,  /* whom the link was mailed to, or null */
};
/* The queued notices of a job. */
int64_t notice_load(struct db *db, const struct job *job, struct db_rows **ret);
/*
 * Sets the hashes of links' tokens where they are not set yet, and enters the reminders of what nobody fetched so many days before
 * and after a link's end (0: never).
 */
int64_t notice_tokens(struct db *db, const int64_t *links, const struct db_bytes *hashes, size_t n, int before_days,
                      int after_days);
/* What became of notices: states sent, failed or queued (tried, to be tried again), with the relay's answer. */
int64_t notice_record(struct db *db, const int64_t *notices, const char *const *states, const char *const *replies,
                      size_t n);
/* A new send job of the organisation, due in delay_usec; its id. */
int64_t notice_later(struct db *db, int64_t organisation, int64_t delay_usec);
/* Moves queued notices to another job. */
int64_t notice_move(struct db *db, int64_t job, const int64_t *notices, size_t n);
