/* Cleanup attributes: a variable that owns something gives it back when its scope ends. */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _unused_ __attribute__((unused))
#define _printf_(a, b) __attribute__((format(printf, a, b)))

/* Defines x_freep() for `_cleanup_(x_freep) struct x *p = NULL;`. */
#define DEFINE_CLEANUP(type, function)                                                                                 \
    static inline void function##p(type *p) {                                                                          \
        if (*p)                                                                                                        \
            function(*p);                                                                                              \
    }

static inline void freep(void *p) {
    free(*(void **) p);
}

static inline void closep(const int *fd) {
    if (*fd >= 0)
        (void) close(*fd);
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
