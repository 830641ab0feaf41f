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

/* ---- switches */
/* Fair where FOR UPDATE is not: signers that read the row one after the other could keep an UPDATE waiting for ever. */
extern const struct statement service_lock_statement;
extern const struct statement service_halt_statement;   /* $1 reason, $2 by */
extern const struct statement service_resume_statement; /* $1 by; no row: it was not halted */

/* ---- jobs */
extern const struct statement job_list_statement;  /* $1 stage or null */
extern const struct statement job_show_statement;  /* $1 id */
extern const struct statement job_retry_statement; /* $1 id; no row: in work, or gone */
extern const struct statement job_take_statement;  /* $1 id: locks it under a new token → stage, token, subject */
extern const struct statement job_discard_send_statement; /* $1 id, $2 reason: its notices end as failed */
/* $1 id, $2 stage, $3 subject, $4 reason, $5 by: deletes it if it is there, audits */
extern const struct statement job_discard_finish_statement;

/* ---- WHOIS */
extern const struct statement whois_request_statement; /* $1 domain: a question that belongs to no upload */
extern const struct statement whois_cancel_statement;  /* $1 domain */
extern const struct statement whois_mark_statement;    /* → the highest id of an answer */
extern const struct statement whois_newer_statement;   /* $1 domain, $2 id: the newest answer after that one */
extern const struct statement whois_flush_statement;   /* $1 domain or null → deleted, kept */
