/*
 * The register as operators keep it: organisations, domains, permission lists, registrars. Every change writes its audit event
 * (register_changed: before, after, by) in the same statement. The only column is the row as a JSON text, unless said.
 */
#pragma once

#include "store/db.h"

/* $1 a number or an English name → id */
extern const struct statement organisation_find_statement;
/* $1 name_ja, $2 name_en, $3 st, $4 l, $5 issue_until, $6 match_key, $7 by */
extern const struct statement organisation_add_statement;
extern const struct statement organisation_list_statement; /* $1 id or null */
/* $1 id, $2 name_ja, $3 name_en, $4 st, $5 l, $6 issue_until, $7 match_key ("" = as the policy says), $8 state, $9 by */
extern const struct statement organisation_change_statement;

/* $1 organisation, $2 name, $3 registrant_ja, $4 registrant_en, $5 state, $6 by; no row: the name is entered already */
extern const struct statement domain_add_statement;
extern const struct statement domain_list_statement; /* $1 organisation or null, $2 name or null */
/* $1 name, $2 registrant_ja, $3 registrant_en ("" = none), $4 state, $5 examined now, $6 organisation, $7 by */
extern const struct statement domain_change_statement;

/* $1 organisation, $2 OU, $3 by; no row: it is on the list already */
extern const struct statement ou_add_statement;
extern const struct statement ou_list_statement; /* $1 organisation or null */
/* $1 organisation, $2 OU, $3 by; waits for the signing in flight. No row: it is not on the list */
extern const struct statement ou_remove_statement;

/* $1 organisation, $2 name, $3 mail, $4 fingerprint, $5 by; no row: the certificate is entered already */
extern const struct statement registrar_add_statement;
extern const struct statement registrar_list_statement; /* $1 organisation or null, $2 id or null */
/* $1 id, $2 name, $3 mail, $4 fingerprint, $5 state, $6 by; null leaves as it is */
extern const struct statement registrar_change_statement;
