/* What `inkanctl revoke` selects: criteria of which all must fit. */
#pragma once

#include "ctl.h"
#include "spki.h"

struct selection {
    bool by_file;
    uint8_t *serials; /* 16 bytes each */
    size_t serials_count;
    int64_t organisation, profile, issuer; /* 0: any */
    char domain[254];                      /* empty: any */
    int64_t from_usec, until_usec;         /* issued from, and before; 0: any */
    bool by_key, by_policy;
    uint8_t spki_hash[SPKI_HASH_BYTES], policy[SPKI_HASH_BYTES];
    json_t *given; /* the criteria as they were given, for the audit */
};

/* Reads the options of the command. 0 or, having said why, an exit code. */
int selection_read(struct selection *ret, struct ctl *c);
void selection_done(struct selection *s);
/* Parameters $1 to $9 of the campaign statements; borrowed until the statement has run. 0 or -ENOMEM. */
int selection_args(const struct selection *s, struct db_args *args, struct db_bytes **ret_serials);

/* Serial numbers of a text: a number a line, decimal or 0x hexadecimal, or in the fourth column of a server-revoke file. Blank lines
 * are passed over. 0, -ENOMEM, or -EINVAL with the number of the line. */
int selection_serials(struct selection *s, const char *text, size_t len, int *ret_line);
/* "2026-04-01" (a day of JST; its end for a limit) or "2026-04-01T00:00:00Z". 0 or -EINVAL. */
int selection_time(const char *text, bool end, int64_t *ret_usec);
