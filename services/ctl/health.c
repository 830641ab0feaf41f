/* health: asks each daemon whether it can work. */
#include "commands.h"
#include "daemons.h"

const struct command_option health_options[] = {{0}};
const struct statement *const health_statements[] = {NULL};

int health_run(struct ctl *c) {
    int code = CTL_OK;
    c->result = json_array();
    for (int i = 0; i < CTL_HEALTH_COUNT; i++) {
        long status = 0;
        if (!*c->settings.health[i])
            continue; /* it has no endpoint, by the settings */
        (void) json_array_append_new(c->result, daemon_ready(ctl_daemons[i], c->settings.health[i], &status));
        if (status != 200)
            code = CTL_FAILED;
    }
    return code;
}
