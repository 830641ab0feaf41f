#include "store/measure.h"

const struct statement measure_mails_statement = {"measure_mails", 0,
                                                  "SELECT count(*), COALESCE(extract(epoch FROM inkan_now() - "
                                                  "min(dated))::bigint, 0) FROM notice WHERE state = 'queued'"};
