/* Reasons of revocation, from reasons.def. */
#pragma once

#include <stdbool.h>

struct reason {
    int code;        /* RFC 5280 5.3.1 */
    bool registrars; /* may name it */
    const char *ja, *en;
};

/* NULL: none that is used. */
const struct reason *reason_of(int code);
/* One that a registrar may name. */
bool reason_available(int code);
/* Those: "0, 1, 3, 4, 5". */
extern const char *const reasons_available;
