/*
 * Whether WHOIS still names the holder that was examined (manual 1-1-4, step 5: 組織名, 登録者名).
 *
 * The Japanese names are compared after NFKC and without blanks; where either side has none, the English ones, case
 * folded and with blanks collapsed. The registration must be in use.
 */
#pragma once

#include <stdbool.h>

/* NULL and "" are the same: no value. True: the same holder, in use. Without memory false. */
bool registrant_is_same(const char *examined_ja, const char *examined_en, const char *answered_ja,
                        const char *answered_en);
/* "Connected (2026/03/31)", "Active", or EPP status words of a domain in use (RFC 5731 2.3). Silence is no. */
bool registrant_is_in_use(const char *status);
