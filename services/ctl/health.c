/* health: asks each daemon whether it can work. */
#include <string.h>

#include "commands.h"
#include "http.h"

#define TIMEOUT_SEC 10L

const struct command_option health_options[] = {{0}};
const struct statement *const health_statements[] = {NULL};

/* The reasons of /readyz in one line. */
static void add_reasons(struct buf *to, const char *body, size_t len) {
    json_t *answer = json_loadb(body, len, 0, NULL);
    size_t i;
    const json_t *reason;
    json_array_foreach(json_object_get(answer, "reasons"), i, reason) if (json_is_string(reason))
        buf_printf(to, "%s%s", i > 0 ? "; " : "", json_string_value(reason));
    json_decref(answer);
}

static json_t *ask(const char *daemon, const char *address, bool *ret_ready) {
    _cleanup_buf_ struct buf url = {0}, body = {0}, reasons = {0};
    char why[256];
    buf_printf(&url, "http://%s/readyz", address);
    long status = http_run(&(struct http_request){.url = buf_string(&url), .timeout_sec = TIMEOUT_SEC}, &body, why);
    *ret_ready = status == 200;
    if (status == 0)
        buf_text(&reasons, why);
    else
        add_reasons(&reasons, buf_string(&body), body.len);
    if (!*ret_ready && reasons.len == 0)
        buf_printf(&reasons, "status %ld", status);
    return json_pack("{s:s, s:b, s:s, s:s}", "daemon", daemon, "ready", (int) *ret_ready, "address", address, "reasons",
                     buf_string(&reasons));
}

int health_run(struct ctl *c) {
    int code = CTL_OK;
    c->result = json_array();
    for (int i = 0; i < CTL_HEALTH_COUNT; i++) {
        bool ready = false;
        if (!*c->settings.health[i])
            continue; /* it has no endpoint, by the settings */
        (void) json_array_append_new(c->result, ask(ctl_daemons[i], c->settings.health[i], &ready));
        if (!ready)
            code = CTL_FAILED;
    }
    return code;
}
