/* The states of each noun, from states.def. */
#pragma once

#include <stdbool.h>

/* Whether nothing follows this state of the noun ("UPLOAD"). False for an unknown one. */
bool state_is_final(const char *noun, const char *name);
