/*
 * What operators do beside the register (inkanctl): migrations, policy, CAs, switches, jobs, WHOIS answers. Deeds write
 * their audit event in the same statement or transaction. The only column is a JSON text, unless said.
 */
#pragma once

#include "store/db.h"

/* ---- schema, as the database's owner */
extern const struct statement migration_lock_statement;  /* until the end of the transaction: one migration at a time */
extern const struct statement migration_table_statement; /* makes schema_migration */
extern const struct statement migration_get_statement;   /* $1 number → digest, or no row */
extern const struct statement migration_add_statement;   /* $1 number, $2 name, $3 digest */
extern const struct statement migration_list_statement;

/* ---- policy */
/* $1 hash, $2 name, $3 body, $4 by; no row: it is in force already */
extern const struct statement policy_load_statement;
extern const struct statement policy_list_statement;
extern const struct statement policy_show_statement; /* the one in force, with its text */

/* ---- CAs */
/* $1 name, $2 certificate, $3 root, $4 shards, $5 by, $6 sha256 of the certificate, hex; no row: the name is taken */
extern const struct statement issuer_add_statement;
extern const struct statement audit_key_add_statement; /* $1 id, $2 public */
extern const struct statement issuer_list_statement;   /* → id, name, active, shards, certificate */
/* $1 id, $2 by; no row: no such issuer. issuer_rest goes first, in the same transaction. */
extern const struct statement issuer_activate_statement, issuer_rest_statement;
/* $1 id, $2 certificate, $3 by, $4 sha256 hex */
extern const struct statement issuer_renew_statement;
extern const struct statement issuer_retire_statement; /* $1 id, $2 by; no row: it signs, or is needed yet */

/* ---- switches */
/* Fair where FOR UPDATE is not: signers that read the row one after the other could keep an UPDATE waiting for ever. */
extern const struct statement service_lock_statement;
extern const struct statement service_halt_statement;   /* $1 reason, $2 by */
extern const struct statement service_resume_statement; /* $1 by; no row: it was not halted */

/* ---- jobs */
extern const struct statement job_list_statement;  /* $1 stage or null */
extern const struct statement job_show_statement;  /* $1 id */
extern const struct statement job_retry_statement; /* $1 id, $2 by; no row: in work, or gone */
extern const struct statement job_take_statement;  /* $1 id: locks it under a new token → stage, token, subject */
extern const struct statement job_discard_send_statement; /* $1 id, $2 reason: its notices end as failed */
/* $1 id, $2 stage, $3 subject, $4 reason, $5 by: deletes it if it is there, audits */
extern const struct statement job_discard_mark_statement; /* $1 id: its daemon ends what it holds */
extern const struct statement job_discard_finish_statement;

/* ---- keys */
extern const struct statement key_block_statement; /* $1 SHA-256 of each SubjectPublicKeyInfo, $2 reason, $3 by */
extern const struct statement key_show_statement;  /* $1 SHA-256; no row: never seen */

/* ---- campaigns */
/*
 * $1 to $9 are the criteria, null: any. $1 serials, $2 organisation, $3 domain, $4 profile, $5 issuer, $6 issued from, $7 issued
 * before, $8 SHA-256 of the key, $9 hash of the policy; $10 the reason.
 */
extern const struct statement campaign_preview_statement; /* counts, and the code that pins the selection */
/* service_lock goes first, in the same transaction. $11 code, $12 comment, $13 by, $14 selection as given (JSON), $15 items a
 * chunk; no row: the selection has another code, or is empty. */
extern const struct statement campaign_begin_statement;
extern const struct statement campaign_list_statement;
extern const struct statement campaign_show_statement; /* $1 id */

/* ---- links */
/*
 * $1 serial, $2 application (0: none), $3 days, $4 the manager's new address or null, $5 reason, $6 by → status and what was
 * sent where
 */
extern const struct statement link_resend_by_operator_statement;
extern const struct statement link_list_by_operator_statement; /* $1 organisation or 0, $2 unfetched only, $3 limit */

/* ---- audit */
extern const struct statement audit_epoch_open_statement; /* $1 reason, $2 by; no row: the seals are of this cluster */

/* ---- status: what inkanctl status shows; a row a server, a stage, an issuer, else one row */
extern const struct statement status_service_statement;
extern const struct statement status_queues_statement;  /* $1 stages */
extern const struct statement status_issuers_statement; /* → JSON, certificate */
extern const struct statement status_whois_statement;
extern const struct statement status_mails_statement;
extern const struct statement status_audit_statement;
extern const struct statement drill_record_statement; /* $1 comment, $2 by */

/* ---- WHOIS */
extern const struct statement whois_request_statement; /* $1 domain: a question that belongs to no upload */
extern const struct statement whois_cancel_statement;  /* $1 domain */
extern const struct statement whois_mark_statement;    /* → the highest id of an answer */
extern const struct statement whois_newer_statement;   /* $1 domain, $2 id: the newest answer after that one */
extern const struct statement whois_flush_statement;   /* $1 domain or null → deleted, kept */
