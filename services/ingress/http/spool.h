/* Files without a name in ingress.spool, for what is too large for memory. */
#pragma once

#include "services/ingress/http/http.h"

/* The descriptor, the caller's, or -errno (logged). */
int spool_open(const struct request *r);
/* 0 or -errno (logged). */
int spool_write(int fd, const void *data, size_t len);
