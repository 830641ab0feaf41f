/* Values of a subject's attributes that stand where nobody wrote one. */
#pragma once

#include <stdbool.h>

/*
 * True for what programs put into a request by themselves ("Some-State": certified more than once), and for values that only
 * say that there is none: nothing but signs and blanks, "N/A" and the like (BR 7.1.2.7.4).
 */
bool subject_is_placeholder(const char *value);
