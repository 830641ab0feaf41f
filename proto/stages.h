/* The stages of the work, from stages.def. */
#pragma once

enum stage {
#define STAGE(name) STAGE_##name,
#include "proto/stages.def"
#undef STAGE
    STAGE_COUNT,
    STAGE_INVALID = -1,
};

const char *stage_name(enum stage stage);
enum stage stage_from_name(const char *name); /* STAGE_INVALID for an unknown one */
