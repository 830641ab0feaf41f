/* What the daemons' health endpoints say. address: host:port. */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/* {daemon, ready, address, reasons}; the caller owns it. ret_status: 200 when ready, 0 without an answer. */
json_t *daemon_ready(const char *daemon, const char *address, long *ret_status);
/* The text of /metrics, empty when there is no answer. */
void daemon_metrics(const char *address, struct buf *ret);
