#include "proto/reasons.h"

#include <stddef.h>

static const struct reason reasons[] = {
#define REASON(code, ja, en) {code, ja, en},
#include "proto/reasons.def"
#undef REASON
};

static const char list[] =
#define REASON(code, ja, en) ", " #code
#include "proto/reasons.def"
#undef REASON
    ;
const char *const reasons_available = list + 2;

const struct reason *reason_of(int code) {
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].code == code)
            return &reasons[i];
    return NULL;
}
