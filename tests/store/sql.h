/* The schema's owner, who arranges and looks. */
#pragma once

#include <libpq-fe.h>

#include "base/cleanup.h"

extern PGconn *sql;

/* By INKAN_TEST_DATABASE. 0 or -1. */
int sql_open(void);
/* The first value of the result, "" for none. Valid until the next call. */
const char *value(const char *format, ...) _printf_(1, 2);
/* The shipped policy under a name of its own, in force. */
void install_policy(const char *name);
