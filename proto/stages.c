#include "proto/stages.h"

#include <stddef.h>
#include <string.h>

static const char *const names[] = {
#define STAGE(name) #name,
#include "proto/stages.def"
#undef STAGE
};

const char *stage_name(enum stage stage) {
    return stage >= 0 && stage < STAGE_COUNT ? names[stage] : "?";
}

enum stage stage_from_name(const char *name) {
    for (int i = 0; i < STAGE_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return (enum stage) i;
    return STAGE_INVALID;
}
