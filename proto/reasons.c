#include "proto/reasons.h"

#include <stddef.h>

static const struct reason reasons[] = {
#define REASON(code, ja, en) {code, true, ja, en},
#define REASON_OPERATOR(code, ja, en) {code, false, ja, en},
#include "proto/reasons.def"
#undef REASON
#undef REASON_OPERATOR
};

static const char list[] =
#define REASON(code, ja, en) ", " #code
#define REASON_OPERATOR(code, ja, en)
#include "proto/reasons.def"
#undef REASON
#undef REASON_OPERATOR
    ;
const char *const reasons_available = list + 2;

const struct reason *reason_of(int code) {
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].code == code)
            return &reasons[i];
    return NULL;
}

bool reason_available(int code) {
    const struct reason *reason = reason_of(code);
    return reason && reason->registrars;
}
