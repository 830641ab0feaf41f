/* Templates and static files, put into the program by embed.py. */
#pragma once

#include <stddef.h>

struct asset {
    const char *name;    /* template: without .html; static file: with its extension */
    const char *address; /* static file: name with a hash of the content, under /static/; template: "" */
    const char *type;    /* static file: Content-Type; template: NULL */
    const char *data;    /* followed by a NUL that bytes does not count */
    size_t bytes;
};

extern const struct asset assets[]; /* ended by {.name = NULL} */
