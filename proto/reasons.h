/* Reasons of revocation, from reasons.def. */
#pragma once

struct reason {
    int code; /* RFC 5280 5.3.1 */
    const char *ja, *en;
};

/* NULL: not one that may be given. */
const struct reason *reason_of(int code);
/* "0, 1, 3, 4, 5" */
extern const char *const reasons_available;
