#include "proto/states.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *noun, *name;
} finals[] = {
#define STATE(noun, name, final) {final ? #noun : NULL, #name},
#define MOVE(noun, from, to)
#include "proto/states.def"
#undef MOVE
#undef STATE
};

bool state_is_final(const char *noun, const char *name) {
    for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++)
        if (finals[i].noun && strcmp(finals[i].noun, noun) == 0 && strcmp(finals[i].name, name) == 0)
            return true;
    return false;
}
